"""Stage `split`: train, valid and test, the tags known before, and what one has to know of them."""

from __future__ import annotations

import logging

import ibis
import numpy as np
import pyarrow.parquet as pq

from reelbench import params, paths
from reelbench.columns import SOURCE_ROW
from reelbench.data import schema
from reelbench.data.engine import Engine, EngineConfig
from reelbench.files import atomic, write_json
from reelbench.seeds import generator
from reelbench.splits import Protocol, SplitInput, describe, divide, protocol_of
from reelbench.splits.tags import known_tags

_LOG = logging.getLogger(__name__)


def run() -> None:
    """Read data/clean and write data/split, whole or not at all."""
    content = params.read()
    config: Protocol = params.load("split", protocol_of(params.select(content, "split")))
    engine = Engine(params.load("engine", EngineConfig))
    parts = divide(config, _given(config, engine, int(params.select(content, "seed"))))
    tags, tag_counts = known_tags(engine.parquet(paths.TAGS), parts, config, engine)
    summary = {**describe(parts, config), "tags": tag_counts}
    with atomic(paths.SPLIT) as folder:
        folder.mkdir()
        for name, table in {**parts, paths.KNOWN_TAGS.stem: tags}.items():
            schema.write(table, folder / f"{name}.parquet")
        write_json(folder / paths.SPLIT_COUNTS.name, summary)
    sizes = ", ".join(f"{name} {len(table)}" for name, table in parts.items())
    _LOG.info("split %s: %s rows; %d of %d tags", config.name, sizes, len(tags), tag_counts["read"])
    _LOG.info("split %s: %s", config.name, summary["leak"])


def _given(config: Protocol, engine: Engine, seed: int) -> SplitInput:
    return SplitInput(
        ratings=_ratings(config, engine),
        engine=engine,
        rng=generator(seed, "split", config.method),
        users=engine.parquet(paths.USERS),
        items=engine.parquet(paths.ITEMS),
    )


def _ratings(config: Protocol, engine: Engine) -> ibis.Table:
    """The clean ratings, with their place in the source for the one split that draws by it."""
    if not config.needs_source_row:
        return engine.parquet(paths.INTERACTIONS)
    rows = pq.read_table(paths.INTERACTIONS)
    return ibis.memtable(rows.append_column(SOURCE_ROW, [np.load(paths.SOURCE_ROW)]))
