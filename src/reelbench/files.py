"""Writing outputs so that a killed stage leaves no half of one behind; hashes and templates."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path` to write a file or a folder to; renamed on success only.

    DVC leaves a stage's process running when it is killed itself; two such processes write to two
    names, and the last rename wins whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)  # a full disk does not say what it could not take
        raise
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON with sorted keys and a final newline; NaN is refused, since JSON has none."""
    with atomic(path) as temporary:
        temporary.write_text(_json_text(content), encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_json_if_any(path: Path) -> Any:
    """Read a JSON file; an empty mapping where there is none."""
    return read_json(path) if path.is_file() else {}


def write_arrays(arrays: Mapping[str, np.ndarray], file: Path) -> None:
    """Write arrays to an `.npz`, ordered by name so that the file's bytes are stable."""
    savez: Any = np.savez  # NumPy's own types take every keyword for `allow_pickle`
    savez(file, **{name: arrays[name] for name in sorted(arrays)})


def read_arrays(file: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an `.npz`; one that holds Python objects is refused."""
    with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content, or of a folder (see `sha256_tree`)."""
    if path.is_dir():
        return sha256_tree(path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_json(content: object) -> str:
    """Hexadecimal SHA-256 of the file that `write_json` would write."""
    return hashlib.sha256(_json_text(content).encode()).hexdigest()


def _json_text(content: object) -> str:
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return text + "\n"


def sha256_tree(path: Path, *without: Path) -> str:
    """Hexadecimal SHA-256 over the names and contents of all files below a folder but some."""
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file() and p not in without):
        digest.update(f"{file.relative_to(path).as_posix()}\0{sha256_file(file)}\n".encode())
    return digest.hexdigest()


def size_bytes(path: Path) -> int:
    """Size of a file, or of all files below a folder, in bytes."""
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def code_hash(names: Sequence[str]) -> str:
    """SHA-256 over files and folders of code, named relative to the package."""
    package = Path(__file__).parent
    hashes = "".join(f"{name}\0{source_hash(package / name)}\n" for name in names)
    return hashlib.sha256(hashes.encode()).hexdigest()


def source_hash(path: Path) -> str:
    """SHA-256 of a Python file, or of a folder of them with the data files that they read."""
    # without what Python and Numba compile, which comes and goes
    return sha256_tree(path, *path.rglob("__pycache__/*")) if path.is_dir() else sha256_file(path)


def filled(template: Path, **content: object) -> str:
    """A template of Jinja, filled in; a tag alone on its line leaves no line."""
    import jinja2

    loader = jinja2.FileSystemLoader(template.parent)
    environment = jinja2.Environment(loader=loader, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(template.name).render(content)
