"""The catalogue of a variant, as its feature blocks saw it."""

from __future__ import annotations

import pandas as pd

from reelbench import paths
from reelbench.columns import YEAR
from reelbench.data.interactions import Interactions
from reelbench.features.block import Catalogue, Ids
from reelbench.files import read_json
from replications.workspace import Ran


def catalogue_of(ran: Ran) -> Catalogue:
    """Metadata, the tags known before valid and test, and train."""
    sizes = read_json(ran.file(paths.CATALOGUE))
    scale = float(sizes["rating_min"]), float(sizes["rating_max"])
    return Catalogue(
        ids=Ids(sizes["n_users"], sizes["n_items"], *scale),
        items=pd.read_parquet(ran.file(paths.ITEMS)).astype({YEAR: "Int16"}),
        users=pd.read_parquet(ran.file(paths.USERS)),
        tags=pd.read_parquet(ran.file(paths.KNOWN_TAGS)),
        train=Interactions.from_parquet(ran.file(paths.TRAIN)),
    )
