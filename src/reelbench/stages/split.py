"""Stage `split`: train, valid and test, the tags known before, and a summary of them."""

import logging

import numpy as np
import pyarrow.parquet as pq

from reelbench import params, paths
from reelbench.columns import SOURCE_ROW
from reelbench.data.engine import connect
from reelbench.data.identity import read_data
from reelbench.files import atomic, write_json
from reelbench.splits import Protocol, protocol_of, split_tables

_LOG = logging.getLogger(__name__)


def run() -> None:
    """Read data/clean and write data/split, whole or not at all."""
    content = params.read()
    config: Protocol = params.load("split", protocol_of(params.select(content, "split")))
    engine = connect()
    files = (paths.INTERACTIONS, paths.ITEMS, paths.USERS, paths.TAGS)
    tables = {file.stem: engine.parquet(file) for file in files}
    if config.needs_source_row:  # a protocol that draws by the order of the source
        rows = pq.read_table(paths.INTERACTIONS)
        rows = rows.append_column(SOURCE_ROW, [np.load(paths.SOURCE_ROW)])
        tables["interactions"] = engine.table(rows)
    result = split_tables(config, tables, engine, int(params.select(content, "seed")))
    with atomic(paths.SPLIT) as folder:
        folder.mkdir()
        for name, table in {**result.parts, paths.KNOWN_TAGS.stem: result.tags}.items():
            table.move(folder / f"{name}.parquet")
        of_data = {"data_hash": read_data()["data_hash"]}
        summary = {**result.summary, "tags": result.tag_counts} | of_data
        write_json(folder / paths.SPLIT_COUNTS.name, summary)
    sizes = ", ".join(f"{name} {part['rows']}" for name, part in result.summary["parts"].items())
    tags = f"{result.tag_counts['written']} of {result.tag_counts['read']} tags"
    _LOG.info("split %s: %s rows; %s", config.name, sizes, tags)
    _LOG.info("split %s: %s", config.name, config.leaks)
