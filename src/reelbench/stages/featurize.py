"""Stage `featurize@{block}`: the arrays of one feature block."""

from __future__ import annotations

import logging

import pyarrow.parquet as pq

from reelbench import faults, params, paths
from reelbench.data.interactions import Interactions
from reelbench.faults import Fault
from reelbench.features.block import BlockEntry, Catalogue, Ids, write_block
from reelbench.files import read_json, size_bytes
from reelbench.seeds import seed_for

_LOG = logging.getLogger(__name__)


def run(block: str) -> None:
    """Build one block from the catalogue and the train part; neither valid nor test is opened."""
    common = params.read()
    entry = params.load(f"features.{block}", BlockEntry)
    seed = seed_for(common["seed"], "features", block)
    builder = entry.create(block, seed=seed, threads=common["threads"])
    arrays = builder.build(read_catalogue())
    write_block(arrays, paths.feature_block(block))
    shapes = ", ".join(f"{name} {array.shape}" for name, array in sorted(arrays.items()))
    size = size_bytes(paths.feature_block(block))
    _LOG.info("features %s: %s; %.1f MB", block, shapes, size / 1e6)


def read_catalogue() -> Catalogue:
    """What blocks may look at, from the artifacts of clean and split."""
    everything = Fault.ENCODER_ON_ALL_ROWS in faults.read()
    sizes = read_json(paths.CATALOGUE)
    return Catalogue.of(
        ids=Ids(
            sizes["n_users"],
            sizes["n_items"],
            float(sizes["rating_min"]),
            float(sizes["rating_max"]),
        ),
        items=pq.read_table(paths.ITEMS),
        users=pq.read_table(paths.USERS),
        tags=pq.read_table(paths.TAGS if everything else paths.KNOWN_TAGS),
        train=Interactions.from_parquet(paths.INTERACTIONS if everything else paths.TRAIN),
    )
