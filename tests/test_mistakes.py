"""What a command says of a mistake in its input, and of one in the code."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from reelbench import files, params
from reelbench.cli import app
from reelbench.data import DataError
from reelbench.evaluation import EvaluateConfig
from reelbench.params import ParamsError
from reelbench.stages import __main__ as stages
from reelbench.stages import download


def raises(error: Exception) -> Callable[..., Any]:
    def fails(**_: object) -> Any:
        raise error

    return fails


@pytest.mark.parametrize("error", [ParamsError("models.svd: no"), DataError("ratings.csv: no")])
def test_a_mistake_in_the_input_is_one_sentence(
    error: ValueError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelbench.compose.compose", raises(error))
    done = CliRunner().invoke(app, ["params"])
    assert done.exit_code == 2 and done.stderr == f"params: {error}\n"


def test_a_wrong_value_of_a_config_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelbench.compose.compose", lambda **_: EvaluateConfig(k=()))
    done = CliRunner().invoke(app, ["params"])
    assert done.exit_code == 2 and "at least 1 item" in done.stderr


def test_a_bug_keeps_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    bug = ValueError("operands could not be broadcast together")
    monkeypatch.setattr("reelbench.compose.compose", raises(bug))
    done = CliRunner().invoke(app, ["params"])
    assert done.exception is bug and not done.stderr


def test_stages_do_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("pin_runtime", "seed_everything"):
        monkeypatch.setattr(stages, name, lambda _: None)
    monkeypatch.setattr("reelbench.params.read", lambda: {"threads": 1, "seed": 0})
    monkeypatch.setattr(download, "run", raises(DataError("ratings.csv: no")))
    assert stages.main(["download"]) == 2
    assert capsys.readouterr().err == "download: ratings.csv: no\n"
    monkeypatch.setattr(download, "run", raises(ValueError("shapes disagree")))
    with pytest.raises(ValueError, match="shapes disagree"):
        stages.main(["download"])


def failing(number: int, name: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), name)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (failing(errno.ENOSPC, "data/clean/x"), "data/clean/x: the disk is full"),
        (failing(errno.ENOSPC), f"{Path.cwd()}: the disk is full"),
        (failing(errno.EROFS, "data/.raw.7.tmp/a"), "data: it may not be read or written"),
        (failing(errno.EACCES, "reports"), "reports: it may not be read or written"),
        (failing(errno.ENOTDIR, "data/clean"), "data/clean: there is a file where a folder should"),
        (failing(errno.ENOENT, "data/split/a"), "data/split/a is missing: run `make repro`"),
        (OSError("104 requested and 4 written"), "the disk is full"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "may not be read or"),
    ],
)
def test_a_machine_that_lacks_something_is_one_sentence(
    error: Exception,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("pin_runtime", "seed_everything"):
        monkeypatch.setattr(stages, name, lambda _: None)
    monkeypatch.setattr("reelbench.params.read", lambda: {"threads": 1, "seed": 0})
    monkeypatch.setattr(download, "run", raises(error))
    assert stages.main(["download"]) == 2
    assert told in (said := capsys.readouterr().err) and said.count("\n") == 1
    monkeypatch.setattr("reelbench.compose.compose", raises(error))
    done = CliRunner().invoke(app, ["params"])
    assert done.exit_code == 2 and done.stderr.replace("params: ", "download: ") == said


@pytest.mark.parametrize("error", [failing(errno.ECONNREFUSED), failing(errno.ENOENT, "/usr/x")])
def test_other_errors_of_the_system_keep_their_trace(
    error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelbench.compose.compose", raises(error))
    assert CliRunner().invoke(app, ["params"]).exception is error


def test_a_file_in_the_place_of_a_folder_and_a_full_disk_leave_nothing_behind(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    with pytest.raises(OSError) as caught:
        files.write_json(tmp_path / "data" / "clean" / "a.json", {})
    assert "there is a file where a folder should be" in str(params.told(caught.value))
    with pytest.raises(OSError) as caught, files.atomic(tmp_path / "b.json") as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise failing(errno.ENOSPC)
    assert f"{tmp_path / 'b.json'}: the disk is full" in str(params.told(caught.value))
    assert [file.name for file in tmp_path.iterdir()] == ["data"]
