"""Stage `featurize`: the arrays of every feature block.

One process builds all blocks, since starting one and importing its libraries takes longer than most
blocks. DVC keeps what an earlier run wrote, and a block whose inputs are the same is left as it is.
"""

import logging
from collections.abc import Mapping
from typing import Any

import pyarrow.parquet as pq

from reelbench import faults, files, params, paths
from reelbench.data.interactions import Interactions
from reelbench.faults import Fault
from reelbench.features.block import BlockEntry, Catalogue, Ids, is_empty, write_block
from reelbench.seeds import seed_for

_LOG = logging.getLogger(__name__)

# what every block runs, relative to the package; dvc.yaml lists the same
_CODE = ("data/interactions.py", "features", "files.py", "seeds.py", "stages/featurize.py")


def run(*names: str) -> None:
    """Build the named blocks, or all, whose inputs have changed; valid and test stay closed."""
    content = params.read()
    blocks = params.select(content, "features")
    for file in paths.FEATURES.glob("*"):
        if file.stem not in blocks:  # the parameters no longer have it
            file.unlink()
    keys = _keys(content, names or tuple(blocks))
    todo = [
        name
        for name, key in keys.items()
        if not paths.feature_block(name).is_file()
        or files.read_json_if_any(paths.block_key(name)).get("key") != key
    ]
    if todo:
        catalogue = read_catalogue()
    for name in todo:
        empty = _build(name, content, catalogue)
        of_data = files.read_json(paths.CATALOGUE).get("data_hash")  # tells blocks of other data
        known = {"key": keys[name], "data_hash": of_data, "empty": empty}
        files.write_json(paths.block_key(name), known)
    _LOG.info("features: %d of %d blocks, the others are up to date", len(todo), len(keys))


def read_catalogue() -> Catalogue:
    """What blocks may look at, from the artifacts of clean and split."""
    everything = Fault.ENCODER_ON_ALL_ROWS in faults.read()
    sizes = files.read_json(paths.CATALOGUE)
    low, high = float(sizes["rating_min"]), float(sizes["rating_max"])
    return Catalogue.of(
        ids=Ids(sizes["n_users"], sizes["n_items"], low, high),
        items=pq.read_table(paths.ITEMS),
        users=pq.read_table(paths.USERS),
        tags=pq.read_table(paths.TAGS if everything else paths.KNOWN_TAGS),
        train=Interactions.from_parquet(paths.INTERACTIONS if everything else paths.TRAIN),
    )


def _build(name: str, content: Mapping[str, Any], catalogue: Catalogue) -> bool:
    entry = params.load(f"features.{name}", BlockEntry)
    seed = seed_for(content["seed"], "features", name)
    arrays = entry.create(name, seed=seed, threads=content["threads"]).build(catalogue)
    write_block(arrays, paths.feature_block(name))
    shapes = ", ".join(f"{array} {values.shape}" for array, values in sorted(arrays.items()))
    size = files.size_bytes(paths.feature_block(name))
    _LOG.info("features %s: %s; %.1f MB", name, shapes, size / 1e6)
    return is_empty(arrays)


def _keys(content: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    """SHA-256 of everything that goes into each block; a ParamsError for an unknown one."""
    read = [paths.CATALOGUE, paths.ITEMS, paths.USERS, paths.KNOWN_TAGS, paths.TRAIN]
    if content["faults"]:
        read += [paths.TAGS, paths.INTERACTIONS]
    common = {
        "parameters": {key: content[key] for key in ("faults", "seed", "threads")},
        "code": files.code_hash(_CODE),
        "data": {str(file): files.sha256_file(file) for file in read},
    }
    blocks = {name: params.select(content, f"features.{name}") for name in names}
    return {name: files.sha256_json({**common, "block": block}) for name, block in blocks.items()}
