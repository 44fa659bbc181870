"""Stage `download`: the files of the data set as published."""

from reelbench import params, paths
from reelbench.data.fetch import DataSection, fetch


def run() -> None:
    """Fill data/raw."""
    fetch(params.load("data", DataSection), paths.RAW)
