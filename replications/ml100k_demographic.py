"""System E: two readings of one printed error, and the list that is printed for one user."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.columns import AGE, GENDER, GENRES, ITEM_ID, OCCUPATION, TITLE_RAW, USER_ID, ZIP_CODE
from reelbench.data.interactions import Interactions
from reelbench.features.block import read_block
from reelbench.models.base import Recommender
from replications import figures
from replications.examples import LENGTH
from replications.measure import Parts, Results, Study, settings
from replications.published import system
from replications.results import FaultEffect, Result, counts
from replications.runs import Ran

SYSTEM = system("ml100k_demographic")
_READINGS = ("e_network", "e_network_test")
#: the user whose list is printed, and the ids of the movies on it
_USER, _IDS = "567", ("1126", "1128", "340", "562", "871")
_YEARS = 10


def _exhibits(study: Study) -> Results:
    """Figures of the data, and the sentences about them."""
    assert SYSTEM.data is not None
    exhibits = {row.id: row.exhibit for row in SYSTEM.rows if row.exhibit}
    found = dict(figures.exhibit_rows(SYSTEM, exhibits, study))
    interactions, _, users = figures.tables_of(study, SYSTEM.data)
    often = sorted(interactions["rating"].value_counts().index[:2])
    decade = int((users[AGE].dropna() // _YEARS).mode().iloc[0]) * _YEARS
    texts = {
        "e_eda_ratings": " and ".join(f"{rating:g}" for rating in often),
        "e_eda_ages": f"{decade}-{decade + _YEARS}",
    }
    for row, text in texts.items():
        result, changed = found[row], {"listed": (text,)}
        found[row] = result.model_copy(update=changed) if isinstance(result, Result) else result
    return found


def _readings(study: Study) -> Results:
    """The same networks, scored on all rows and on those that they have not seen."""
    found = {}
    for row in _READINGS:
        plan = SYSTEM.plan(row)
        result = study.carry_out(plan)
        ran = study.used(plan.same)
        used = settings(SYSTEM.row(row), ran) | _inputs(ran)
        found[row] = result.model_copy(update={"settings": used})
    printed = SYSTEM.row(_READINGS[0]).published["rmse"]
    gaps = {row: abs(found[row].same["rmse"].mean - printed) for row in _READINGS}
    nearer = "all rows" if gaps["e_network"] < gaps["e_network_test"] else "rows held out"
    shown = f"The printed figure is {min(gaps.values()):.3f} from that of {nearer} and "
    shown += f"{max(gaps.values()):.3f} from the other."
    return {row: result.model_copy(update={"shown": shown}) for row, result in found.items()}


def _inputs(ran: Ran) -> dict[str, int | str]:
    """How the network reads a user and a movie."""
    demographics = read_block(ran.file(paths.feature_block("demographics")))
    embedded = {"user_zip_code_number", "year_number", "user_occupation_number"}
    found = set(ran.content["models"]["ml100k_network"]["embeddings"]) - {"user", "item"}
    return {
        "zip code, year and occupation": "embedded" if found == embedded else "otherwise",
        "columns of age": demographics["user_age"].shape[1],
        "columns of gender": demographics["user_gender"].shape[1],
    }


def _list(study: Study) -> Results:
    """The list of one user by the network of the published protocol; rated movies stay in it."""
    ran = study.run(SYSTEM.plan("e_network").same)
    items, users = (pd.read_parquet(ran.file(file)) for file in (paths.ITEMS, paths.USERS))
    user = users.loc[users[USER_ID] == _USER].iloc[0]
    profile = tuple(str(user[name]) for name in (AGE, GENDER, OCCUPATION, ZIP_CODE))
    title_of = items.set_index(ITEM_ID)[TITLE_RAW]
    index = int(np.flatnonzero(users[USER_ID] == _USER)[0])
    scores = Recommender.load(ran.file(paths.model_dir("ml100k_network"))).score([index])[0]
    best = np.argsort(-scores, kind="stable")[:LENGTH]
    rated, own = _rated(ran, index), scores.copy()
    own[list(rated)] = -np.inf
    left = np.argsort(-own, kind="stable")[:LENGTH]
    changed = 1 - float(np.isin(best, left).mean())
    places = map(int, np.flatnonzero(items[ITEM_ID].isin(_IDS)))
    known = [rated[place] for place in places if place in rated]
    features = items["year"].astype(str) + items[GENRES].map(lambda genres: "|".join(genres))
    twins = float((features.map(features.value_counts()) > 1).mean())
    near = int((scores >= SYSTEM.row("e_list").published["predicted_5"] - 0.0005).sum())
    ratings = ", ".join(f"{rating:g}" for rating in known)
    shown = (
        f"{near} movies get at least as much as the fifth there. The network knows a movie by year "
        f"and genres, which {100 * twins:.0f} % of the movies share with another. Of the printed "
        f"movies the user has rated {len(known)}: {ratings}."
    )
    same = {f"predicted_{n}": float(scores[i]) for n, i in enumerate(best, start=1)}
    return {
        "e_profile": Result(listed=profile),
        "e_ids": Result(listed=tuple(title_of[list(_IDS)])),
        "e_list": Result(
            same=counts(same),
            listed=tuple(items[TITLE_RAW].iloc[best]),
            worth=(FaultEffect(fault="seen_listed", metric="first_5_changed", difference=changed),),
            shown=shown,
        ),
    }


def _rated(ran: Ran, user: int) -> dict[int, float]:
    """All ratings of a user by `item_idx`."""
    rows = Interactions.from_parquet(ran.file(paths.INTERACTIONS))
    own = rows.select(rows.user_idx == user)
    return dict(zip(map(int, own.item_idx), map(float, own.rating), strict=True))


PARTS: Parts = {
    tuple(row.id for row in SYSTEM.rows if row.exhibit): _exhibits,
    _READINGS: _readings,
    ("e_profile", "e_ids", "e_list"): _list,
}
