"""Which data and which test ratings a result is of, so that those of others are never mixed in.

Hashes are over values: neither the engine nor the version of a library changes them, and what
`enrich` adds is not in them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from reelbench import params, paths
from reelbench.columns import ITEM_ID, ITEM_IDX, RATING, TIMESTAMP, TITLE_RAW, USER_ID, USER_IDX
from reelbench.files import read_json_if_any

#: in every file of results; equal for results of the same data and test ratings
KEYS = ("data", "data_hash", "split", "test_hash")
SCALE = ("rating_min", "rating_max")  # the rating scale of the catalogue
_LOCK = "dvc.lock"
_RATING = (USER_IDX, ITEM_IDX, RATING)


def data_hash(clean: Path) -> str:
    """Hexadecimal SHA-256 over the ratings, ids of users and movies, and titles of a folder."""
    tables = {"interactions": (*_RATING, TIMESTAMP), "users": (USER_ID,)}
    tables["items"] = (ITEM_ID, TITLE_RAW)
    hashes = (_content_hash(clean / f"{name}.parquet", own) for name, own in tables.items())
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def test_hash(file: Path) -> str:
    """Hexadecimal SHA-256 over users, movies and ratings of a part, or of predictions for it."""
    return _content_hash(file, _RATING)


def read_data(root: Path = Path()) -> dict[str, Any]:
    """Data, their hash, and split of a project's folder `data`; None for what is not known."""
    catalogue, split = (read_json_if_any(root / f) for f in (paths.CATALOGUE, paths.SPLIT_COUNTS))
    found = (catalogue.get("name"), catalogue.get("data_hash"), split.get("name"))
    return dict(zip(KEYS, found, strict=False))


def read_identity(root: Path = Path()) -> dict[str, Any]:
    """`KEYS` and `SCALE` of the parts of a project; None for what is not known."""
    test, catalogue = root / paths.TEST, read_json_if_any(root / paths.CATALOGUE)
    found = read_data(root) | {"test_hash": test_hash(test) if test.exists() else None}
    return found | {key: catalogue.get(key) for key in SCALE}


def label(identity: Mapping[str, Any]) -> str:
    """Name of the data with the beginning of their hash, and of the split."""
    digest = f"-{identity['data_hash'][:8]}" if identity.get("data_hash") else ""
    return f"{identity['data']}{digest}/{identity['split']}"


def same_results(stored: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    """Whether results are of the current test ratings; of data without a hash, all are."""
    same = all(stored.get(key) == current[key] for key in KEYS[1:])
    return same or current["data_hash"] is None


def mismatch(root: Path = Path()) -> str:
    """Why the parts on disk are not those of `params.yaml`, as a sentence; empty if they are."""
    file, found = root / paths.PARAMS, read_data(root)
    content = params.read(file) if file.is_file() else {}
    split_of = read_json_if_any(root / paths.SPLIT_COUNTS).get("data_hash")
    if split_of not in (None, found["data_hash"]):
        return f"{paths.SPLIT} is of other data than {paths.CLEAN}: run `dvc repro`"
    for key in ("data", "split"):
        wanted = (content.get(key) or {}).get("name")
        if None not in (found[key], wanted) and found[key] != wanted:
            return f"data/ has {key} {found[key]} and {paths.PARAMS} {wanted}: run `dvc repro`"
    folder, lock = (content.get("data") or {}).get("root"), root / _LOCK
    # older than the tables, it is not of them: the stages were run without DVC
    written = (root / paths.CATALOGUE).stat().st_mtime if (root / paths.CATALOGUE).is_file() else 0
    if folder and lock.is_file() and lock.stat().st_mtime >= written:
        locked = yaml.load(lock.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        stages = (locked or {}).get("stages") or {}
        made = stages.get("download", {}).get("params", {}).get("params.yaml", {})
        if made.get("data.name") == found["data"] and made.get("data.root") != folder:
            return f"data/ is not of {folder}, as {paths.PARAMS} has it: run `dvc repro`"
    return ""


def _content_hash(file: Path, columns: Sequence[str]) -> str:
    """SHA-256 of the values of some columns, in their order; one that is not there counts too."""
    digests = {name: hashlib.sha256(name.encode()) for name in columns}
    for part in sorted(file.glob("*.parquet")) if file.is_dir() else [file]:
        rows = pq.ParquetFile(part)
        known = [name for name in columns if name in rows.schema_arrow.names]
        for batch in rows.iter_batches(columns=known):
            for name in known:
                digests[name].update(_bytes(batch[name]))
    return hashlib.sha256(b"".join(d.digest() for d in digests.values())).hexdigest()


def _bytes(values: pa.Array) -> bytes:
    """Numbers as they are, the smallest in place of a missing one; texts after their lengths."""
    if pa.types.is_integer(values.type):
        values = pc.fill_null(values.cast(pa.int64()), np.iinfo(np.int64).min)
    elif not pa.types.is_floating(values.type):
        texts = values.cast(pa.string()).to_pylist()
        return "".join("-" if text is None else f"{len(text)}:{text}" for text in texts).encode()
    return values.to_numpy(zero_copy_only=False).tobytes()
