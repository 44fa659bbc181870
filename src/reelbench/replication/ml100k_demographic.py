"""System E: a network on what is known of a person and of a movie, whatever their ids."""

from __future__ import annotations

import pandas as pd

from reelbench import paths
from reelbench.columns import ITEM_IDX, RANK, TITLE, USER_IDX
from reelbench.replication.counts import genre_shares, sizes
from reelbench.replication.parts import Part, Script, of_plans
from reelbench.replication.plan import FUTURE_SEEN, Plan
from reelbench.replication.result import Result, counted
from reelbench.replication.rows import System
from reelbench.replication.study import Study, Variant
from reelbench.replication.words import line

ABOUT = "Honest is each user's last tenth as test."

_NETWORK = Variant("ml100k_network")
_RANDOM = ("split=random", "split.test=0.2")
_TRAIN_ROWS = "score_train_rows"
_SHOWN = 5

_PLAN = Plan(
    rows={"e_network": ("rmse",)},
    same=_NETWORK.with_(*_RANDOM, faults=[_TRAIN_ROWS]),
    honest=_NETWORK,
    single={
        FUTURE_SEEN: _NETWORK.with_(*_RANDOM),
        _TRAIN_ROWS: _NETWORK.with_(faults=[_TRAIN_ROWS]),
    },
    also={"the held-out fifth of the random split": _NETWORK.with_(*_RANDOM)},
)


def script(system: System) -> Script:
    """The data, then the network, then what is done with it."""
    data = Part(("e_data", "e_eda_genres"), lambda study: _data(system, study))
    uses = Part(("e_menu_user", "e_menu_rmse"), _uses)
    gaps = {
        "e_menu_person": "models answer for users of the catalogue; for others the app is needed",
    }
    return Script((data, *of_plans([_PLAN], system), uses), gaps)


def _data(system: System, study: Study) -> list[Result]:
    ran = study.run(_NETWORK, upto="split")
    shares = genre_shares(ran)
    largest = {str(name).lower(): float(share) for name, share in shares.head(2).items()}
    found = [
        Result(row="e_data", same=counted(sizes(ran))),
        Result(row="e_eda_genres", same=counted(largest)),
    ]
    return [r.model_copy(update={"line": line(system.row(r.row), r)}) for r in found]


def _uses(study: Study) -> list[Result]:
    ran = study.run(_NETWORK)
    table = pd.read_parquet(ran.file(paths.recommendations(_NETWORK.model)))
    titles = pd.read_parquet(ran.file(paths.ITEMS), columns=[TITLE])[TITLE]
    first = table.sort_values([USER_IDX, RANK]).head(_SHOWN)[ITEM_IDX]
    rmse = ran.metrics(_NETWORK.model)["rmse"]
    return [
        Result(row="e_menu_user", shown=f"First user, {_SHOWN}: {', '.join(titles[first])}."),
        Result(row="e_menu_rmse", shown=f"`reports/metrics/{_NETWORK.model}.json`: {rmse:.4f}."),
    ]
