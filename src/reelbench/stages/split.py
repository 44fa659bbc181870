"""Stage `split`: train, valid and test, and what one has to know about them."""

from __future__ import annotations

import logging

import ibis
import numpy as np
import pyarrow.parquet as pq

from reelbench import params, paths
from reelbench.columns import SOURCE_ROW
from reelbench.data import schema
from reelbench.data.engine import Engine, EngineConfig
from reelbench.data.splits import SplitConfig, describe, divide
from reelbench.files import atomic, write_json
from reelbench.seeds import generator

_LOG = logging.getLogger(__name__)


def run() -> None:
    """Read the ratings of data/clean and write data/split, whole or not at all."""
    seed = int(params.select(params.read(), "seed"))
    config = params.load("split", SplitConfig)
    engine = Engine(params.load("engine", EngineConfig))
    rng = generator(seed, "split", config.method)
    parts = divide(_ratings(config, engine), config, engine, rng)
    summary = describe(parts, config)
    with atomic(paths.SPLIT) as folder:
        folder.mkdir()
        for name, table in parts.items():
            schema.write(table, folder / f"{name}.parquet")
        write_json(folder / paths.SPLIT_COUNTS.name, summary)
    sizes = ", ".join(f"{name} {len(table)}" for name, table in parts.items())
    _LOG.info("split %s: %s rows", config.name, sizes)
    _LOG.info("split %s: %s", config.name, summary["leak"])


def _ratings(config: SplitConfig, engine: Engine) -> ibis.Table:
    """The clean ratings, with their place in the source for the one split that draws by it."""
    if config.method != "random_by_item":
        return engine.parquet(paths.INTERACTIONS)
    rows = pq.read_table(paths.INTERACTIONS)
    return ibis.memtable(rows.append_column(SOURCE_ROW, [np.load(paths.SOURCE_ROW)]))
