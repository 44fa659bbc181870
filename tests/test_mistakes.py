"""What a command says of a mistake in its input, and of one in the code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

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
