"""Atomic writes and content hashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelbench.files import (
    atomic,
    read_json,
    sha256_tree,
    size_bytes,
    source_hash,
    write_json,
)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_json(file, {"x": 1})
    with pytest.raises(RuntimeError), atomic(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert read_json(file) == {"x": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    for name in ("old", "new"):
        with atomic(folder) as temporary:
            temporary.mkdir()
            (temporary / name).write_text(name)
    assert [p.name for p in folder.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_tree_hash_sees_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = sha256_tree(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = sha256_tree(tmp_path)
    (tmp_path / "b").write_text("2")
    assert len({first, renamed, sha256_tree(tmp_path)}) == 3
    assert size_bytes(tmp_path) == 1


def test_the_hash_of_code_changes_with_any_file_and_misses_none(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "a.py").write_text("a = 1\n")
    before = source_hash(folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_text("")
    assert source_hash(folder) == before
    (folder / "table.yaml").write_text("a: 1\n")
    with_data = source_hash(folder)
    (folder / "a.py").write_text("a = 2\n")
    assert len({before, with_data, source_hash(folder)}) == 3
    with pytest.raises(FileNotFoundError):
        source_hash(tmp_path / "none")
