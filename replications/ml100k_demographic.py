"""System E: a network on what is known of a person and of a movie, whatever their ids."""

from __future__ import annotations

from replications import use_rows
from replications.counts import sizes
from replications.exhibit_rows import exhibit_part
from replications.list_rows import of_user
from replications.parts import Part, Script, of_plans
from replications.plan import FUTURE_SEEN, RANDOM_ROWS, Plan
from replications.result import Result, counted
from replications.rows import System
from replications.study import Study, Variant
from replications.words import with_line

ABOUT = "Honest is each user's last tenth as test."

_NETWORK = Variant("ml100k_network")
# ours that reads the same of a person; `reelbench recommend --age 24 …` asks it too
_OURS = Variant("demographic")
_RANDOM = ("split=random", "split.test=0.2")
_TRAIN_ROWS = "score_train_rows"

_WRITTEN = "`dvc exp run -S +experiment=ml100k_demographic` writes it to `reports/metrics/`"

_EXHIBITS = {
    "e_eda_genres": "genre_shares",
    "e_eda_ratings": "rating_shares",
    "e_eda_ages": "ages",
}
_PLAN = Plan(
    rows={"e_network": ("rmse",)},
    same=_NETWORK.with_(*_RANDOM, faults=[_TRAIN_ROWS]),
    honest=_NETWORK,
    single={
        FUTURE_SEEN: _NETWORK.with_(RANDOM_ROWS),
        _TRAIN_ROWS: _NETWORK.with_(faults=[_TRAIN_ROWS]),
    },
    also={"the held-out fifth of the random split": _NETWORK.with_(*_RANDOM)},
)


def script(system: System) -> Script:
    """The data, then the network, then what is done with it."""
    data = Part(("e_data",), lambda study: [_data(system, study)])
    figures = exhibit_part(_EXHIBITS, _NETWORK, system)
    uses = Part(("e_menu_user", "e_menu_rmse"), _uses)
    person = Part(("e_menu_person",), _person)
    return Script((data, figures, *of_plans([_PLAN], system), uses, person))


def _data(system: System, study: Study) -> Result:
    ran = study.run(_NETWORK, upto="split")
    return with_line(system, Result(row="e_data", same=counted(sizes(ran))))


def _person(study: Study) -> list[Result]:
    ran = study.run(_OURS)
    return [Result(row="e_menu_person", shown=use_rows.of_profile(ran, _OURS.model))]


def _uses(study: Study) -> list[Result]:
    ran = study.run(_NETWORK)
    rmse = ran.metrics(_NETWORK.model)["rmse"]
    return [
        Result(row="e_menu_user", shown=of_user(ran, _NETWORK.model)),
        Result(row="e_menu_rmse", shown=f"{rmse:.4f} on held-out rows; {_WRITTEN}."),
    ]
