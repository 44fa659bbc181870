"""Stage `clean`: the canonical tables of the published files, and an account of every row."""

import logging

from pyarrow import csv

from reelbench import params, paths
from reelbench.data import DataError, parquet, readers, schema
from reelbench.data.clean.enrich import EnrichConfig, enriched
from reelbench.data.clean.filters import FilterConfig
from reelbench.data.clean.tables import canonical, describe
from reelbench.data.engine import connect
from reelbench.data.identity import data_hash
from reelbench.files import atomic, write_json

_LOG = logging.getLogger(__name__)


def run() -> None:
    """Read data/raw and write data/clean, whole or not at all."""
    config = params.load("data.read", readers.ReadConfig)
    engine = connect()
    try:
        raw = readers.read(paths.RAW, config, engine)
        _LOG.info("clean: %s of %d movies", raw.interactions.file.path, len(raw.items.frame))
        result = canonical(raw, config, engine, params.load("filter", FilterConfig))
    except DataError as error:
        raise DataError(f"{error}{_where_to_correct()}") from error
    result, fuzzy = enriched(result, params.load("enrich", EnrichConfig))
    schema.validate(result.large | result.small, engine)
    catalogue = describe(result, config, engine)
    with atomic(paths.CLEAN) as folder:
        folder.mkdir()
        for name, small in result.small.items():
            parquet.write(small, folder / f"{name}.parquet")
        for name, large in result.large.items():
            large.move(folder / f"{name}.parquet", folder / paths.SOURCE_ROW.name)
        for name, rows in result.dropped.items():
            if len(rows):
                csv.write_csv(rows, folder / paths.dropped_rows(name).name)
        write_json(folder / paths.CLEAN_COUNTS.name, result.counts)
        if len(fuzzy):
            fuzzy.to_csv(folder / paths.FUZZY_MATCHES.name, index=False, lineterminator="\n")
        name = params.select(params.read(), "data.name")
        of_data = {"name": name, "data_hash": data_hash(folder)}
        write_json(folder / paths.CATALOGUE.name, catalogue | of_data)
    for name, count in result.counts.items():
        dropped = "".join(f", {n} dropped: {why}" for why, n in count["dropped"].items())
        _LOG.info("clean: %s: %d of %d rows%s", name, count["written"], count["read"], dropped)


def _where_to_correct() -> str:
    """The file at fault is a copy; DVC does not see that the user's own has changed."""
    root = params.select(params.read(), "data").get("root")
    if root is None:
        return ""
    again = "dvc repro --force --single-item download"
    return f". {paths.RAW} is a copy of {root}: correct that, then run `{again}`"
