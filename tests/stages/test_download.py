"""Stage `download`: its own parameters, and nothing left behind by a wrong hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from reelbench import paths
from reelbench.data import DataError
from reelbench.params import ParamsError
from reelbench.stages import download


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Section `data` with a local folder, in an empty project."""
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    Path("mine/a.csv").write_text("x\n")
    files = {"a.csv": hashlib.sha256(b"x\n").hexdigest()}
    source = {"wheel": None, "files": files, "optional": [], "licence": "Free to use."}
    return {"name": "mine", "root": "mine", "source": source, "read": {}}


def run(data: dict[str, object]) -> None:
    paths.PARAMS.write_text(yaml.safe_dump({"data": data}))
    download.run()


def test_files_arrive_and_the_licence_is_shown(
    data: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    run(data)
    assert [file.name for file in paths.RAW.iterdir()] == ["a.csv"]
    assert (paths.RAW / "a.csv").read_text() == "x\n"
    assert "Free to use." in caplog.text


def test_a_second_download_replaces_the_first(data: dict[str, object]) -> None:
    run(data)
    (paths.RAW / "stale.csv").write_text("y")
    run(data)
    assert [file.name for file in paths.RAW.iterdir()] == ["a.csv"]


def test_a_failure_leaves_nothing(data: dict[str, object]) -> None:
    Path("mine/a.csv").unlink()
    with pytest.raises(DataError, match=r"mine/a.csv is missing"):
        run(data)
    assert not paths.RAW.exists()
    assert not list(paths.DATA.iterdir())


def test_a_typo_names_the_file_and_the_nearest_key(data: dict[str, object]) -> None:
    with pytest.raises(ParamsError, match=r"conf/data/mine.yaml: unknown key 'rot'.*'root'"):
        run({**data, "rot": None})
