"""System A: tagged ratings, a grid-searched SVD, lists by content, and two networks."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import replace
from itertools import product
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.columns import DIRECTOR, ITEM_IDX, TITLE, TITLE_RAW, USER_IDX, YEAR
from reelbench.files import read_json
from reelbench.models.network.recommender import HISTORY
from reelbench.models.network.summary import Layer
from reelbench.reporting.charts.networks import network
from reelbench.serving.similar import CONTENT, TEXT
from reelbench.serving.titles import TitleLookup
from reelbench.stages.featurize import read_catalogue
from replications import examples, figures
from replications.examples import LENGTH
from replications.lists import PublishedLists, genre_and_tag_vectors
from replications.measure import SECONDS, Parts, Results, Study, effects, sizes
from replications.published import FUTURE_SEEN, Plan, Variant, system
from replications.results import FOLDER, Estimate, Result, counts
from replications.runs import Ran

SYSTEM = system("ml20m_hybrid")
_BIAS, _CONTENT = Variant(model="bias"), Variant(model="content")
_SVD = Variant(
    model="svd",
    overrides=(
        "models.svd.learning_rate=0.005",
        "models.svd.regularization=0.02",
        "models.svd.init_std=0.1",
    ),
)
_GRID = tuple(product((50, 100), (20, 30)))
# Surprise's own: nothing was chosen
_DEFAULT = (100, 20)
# ratings of users and movies that stay; the fewest that show whether two users agree
_PER_USER, _PER_MOVIE, _FEWEST = 20, 51, 2
_BLOCKS = ("genres", "tags", "directors")
_SMALLER = (
    "Not the published model: all-MiniLM-L6-v2 of 23 million parameters, and each distinct movie "
    "once, where 1.5 billion parameters encoded every row."
)
#: rows of each network: itself, and each change added to those before it
LADDERS = {
    number: [row.id for row in SYSTEM.rows if row.run and row.run.model.endswith(number)]
    for number in ("1", "2")
}


def _data(study: Study) -> Results:
    ran = study.run(_BIAS, upto="split")
    items = pd.read_parquet(ran.file(paths.ITEMS))
    tags = pd.read_parquet(ran.file(paths.TAGS))
    users = pd.read_parquet(ran.file(paths.INTERACTIONS), columns=[USER_IDX])[USER_IDX]
    pairs = len(tags.drop_duplicates([USER_IDX, ITEM_IDX]))
    without_year = items[TITLE_RAW].str.replace(r" \(\d{4}\)$", "", regex=True)
    changed = int((items[TITLE] != without_year).sum())
    other = int((items[TITLE_RAW].map(published_title) != with_year(items)).sum())
    known = int(items[DIRECTOR].notna().sum()) if DIRECTOR in items else 0
    size = sizes(ran)
    busiest = f"one user gave {users.value_counts().max():,} of them"
    join = f"By {size['users']:,} users on {size['movies']:,} movies; {busiest}."
    return {
        "a_join": Result(same=counts({"rows": size["ratings"]}), shown=join),
        "a_titles": f"{changed:,} of {len(items):,} titles differ from the raw one without its "
        "year; normalised as published (brackets dropped, The, A and An to the front), "
        f"{other:,} differ from ours.",
        "a_directors": f"{known:,} of {len(items):,} movies have a director.",
        "a_aggregation": f"{len(tags):,} tags on {pairs:,} pairs; of several ratings of a pair "
        "the last counts, not the mean.",
    }


def published_title(raw: str) -> str:
    """Brackets dropped, except around a year; a trailing The, A or An moved to the front."""
    bare = re.sub(r"\s*\((?!\d{4}\))[^)]*\)", "", raw).strip()
    return re.sub(r"^(.+), (The|A|An)( \(\d{4}\))?$", r"\2 \1\3", bare)


def with_year(items: pd.DataFrame) -> pd.Series:
    """Our titles, with the year in brackets where it is known."""
    year = items[YEAR].map(lambda known: f" ({int(known)})", na_action="ignore").fillna("")
    return items[TITLE] + year


def _years(study: Study) -> Results:
    """The lower half of the figure that has the means above."""
    table = figures.mean_per_year(figures.tables_of(study, _BIAS)[0]).table
    most = table.iloc[int(table["ratings"].to_numpy().argmax())]
    shown = f"{len(table)} years; most ratings in {most['year']:.0f}: {most['ratings']:,.0f}."
    file = str(FOLDER / study.preset / "mean_per_year.png")
    return {"a_eda_years": Result(shown=shown, files=(file,))}


def sparsity(study: Study) -> Results:
    """Where no tagged movie has enough ratings: with fewer, and beside it of all ratings."""
    joined = study.run(_BIAS, upto="split").file(paths.INTERACTIONS)
    most = int(pd.read_parquet(joined, columns=[ITEM_IDX])[ITEM_IDX].value_counts().max())
    enough = most >= _PER_MOVIE
    before, after = _filtered(study, _PER_MOVIE if enough else _FEWEST, tagged=True)
    left = f"{after['ratings']:,} ratings, {after['users']:,} users, {after['movies']:,} movies"
    shown, also = f"{left} remain.", {}
    if not enough:
        shown = f"No movie has more than {most} tagged ratings, so {_FEWEST} are enough: {shown}"
        pair = zip(("before", "after"), _filtered(study, _PER_MOVIE, tagged=False), strict=True)
        beside = {f"sparsity_{when}": Estimate(value=found["sparsity"]) for when, found in pair}
        also = {"All ratings with the published thresholds": beside}
    same = counts({"sparsity_before": before["sparsity"], "sparsity_after": after["sparsity"]})
    return {"a_sparsity": Result(same=same, shown=shown, also=also)}


def _filtered(study: Study, per_movie: int, *, tagged: bool) -> tuple[dict[str, Any], ...]:
    """Counts before and after the filter of users and movies with few ratings."""
    overrides = (
        f"filter.min_per_user={_PER_USER}",
        f"filter.min_per_item={per_movie}",
        "filter.repeat=false",
        f"filter.tagged={str(tagged).lower()}",
    )
    ran = study.run(_BIAS.with_(*overrides), upto="split")
    steps = read_json(ran.file(paths.CLEAN_COUNTS))["interactions"]["filter"]["steps"]
    return steps["tagged" if tagged else "before"], steps["enough_ratings"]


def _grid_point(factors: int, epochs: int) -> Variant:
    return _SVD.with_(f"models.svd.factors={factors}", f"models.svd.epochs={epochs}")


def _svd(study: Study) -> Results:
    """The best of a grid on the folds that are reported; honest is the library's default."""
    grid = {p: study.over_folds(_grid_point(*p), 3, "split.valid=0.0") for p in _GRID}
    best = min(grid, key=lambda point: grid[point].spread("rmse").mean)
    default = _grid_point(*_DEFAULT)
    honest, random = study.measure(default), study.measure(default.with_("split=random_by_user"))
    chosen = grid[_DEFAULT].spread("rmse").mean - grid[best].spread("rmse").mean
    shown = (
        f"Best of the grid: {best[0]} factors, {best[1]} epochs; ± is over 3 folds. It was chosen "
        f"on the folds it is reported on, where its RMSE is {chosen:.4f} lower than with the "
        f"library's own {_DEFAULT[0]} factors and {_DEFAULT[1]} epochs, which the honest run has."
    )
    result = Result(
        same={metric: grid[best].spread(metric) for metric in ("rmse", SECONDS)},
        honest=honest.estimates(["rmse"]),
        worth=effects(honest, {FUTURE_SEEN: random}, ["rmse"]),
        shown=shown,
    )
    return {"a_svd": result, "a_svd_top": examples.for_first_user(study.run(default), "svd")}


def _lists(study: Study) -> Results:
    ran = study.run(_CONTENT)
    lists = examples.content_lists(ran, _BLOCKS)
    item = example(ran, lists)
    found = {
        "a_list_genres": lists.by_genres(item, LENGTH),
        "a_list_tags": lists.by_tags(item, LENGTH),
        "a_list_director": lists.by_director(item, LENGTH),
        "a_list_combined": lists.combined(item, LENGTH, 0.5),
    }
    shown = {row: examples.like_title(ran, item, listing) for row, listing in found.items()}
    return {**shown, "a_lookup": _looked_up(pd.read_parquet(ran.file(paths.ITEMS)), item)}


def example(ran: Ran, lists: PublishedLists) -> int:
    """The most rated movie whose director has another one here; of all, if none has."""
    known = pd.Series(lists.director)
    several = known[known > 0].duplicated(keep=False)
    items = examples.most_rated_first(ran)
    return int(([item for item in items if several.get(item, False)] or items)[0])


def _looked_up(items: pd.DataFrame, item: int) -> str:
    """The title with its first letter doubled and its last one missing; and no title."""
    title, lookup = str(items[TITLE][item]), TitleLookup(items)
    answers = []
    for typed in (title[:1] + title[:-1], "qzxqzxqzxqzx"):
        found = lookup.find(typed)
        answers.append(f"'{typed}': {found.title if found else 'no movie found'}")
    return "; ".join(answers) + "."


def _texts(study: Study) -> Results:
    """Genres and tags of every movie encoded once, and lists by them."""
    ran = study.run(_CONTENT)
    start = time.perf_counter()
    with contextlib.chdir(ran.folder):
        vectors = genre_and_tag_vectors(read_catalogue(), batch_size=64)
    seconds = time.perf_counter() - start
    lists = replace(examples.content_lists(ran, _BLOCKS), text=vectors)
    item = example(ran, lists)
    same = counts({SECONDS: seconds, "rows": float(np.any(vectors, axis=1).sum())})
    found = {
        "a_list_embedding": lists.by_text(item, LENGTH),
        "a_list_combined2": lists.combined_with_text(item, LENGTH),
    }
    shown = {row: examples.like_title(ran, item, listing) for row, listing in found.items()}
    return {"a_encoding": Result(same=same, shown=_SMALLER), **shown}


def _apps(study: Study) -> Results:
    """What is typed into the published apps: a user id, and a title."""
    user = examples.for_typed_user(study.run(_grid_point(*_DEFAULT)), "svd")
    slid = examples.for_typed_title(study.run(_CONTENT), CONTENT, (0.0, 1.0))
    with_text = study.run(_CONTENT.with_("evaluate.similarity=text"))
    return {
        "a_app1": f"{user} {slid}",
        "a_app2": f"{user} {examples.for_typed_title(with_text, TEXT)}",
    }


def _folds(study: Study) -> Results:
    plan = SYSTEM.plan(LADDERS["2"][-1])
    found = study.over_folds(plan.faulty, 5, "split.valid=0.0")
    same = {metric: found.spread(metric) for metric in plan.metrics}
    honest = study.measure(plan.honest).estimates(plan.metrics)
    return {"a_network2_folds": Result(same=same, honest=honest)}


def _curves(study: Study) -> Results:
    """Every rung on the published split, a figure for each of the two networks."""
    shown, files = [], []
    for number, rows in LADDERS.items():
        tables = {short(row): _history(study, SYSTEM.plan(row)) for row in rows}
        lowest = {rung: float(table["valid_mse"].min()) for rung, table in tables.items()}
        best = min(lowest, key=lambda rung: lowest[rung])
        epoch = int(tables[best]["valid_mse"].argmin()) + 1
        shown.append(
            f"Network {number}, lowest MSE on valid: {best}, {lowest[best]:.4f} "
            f"in epoch {epoch} of {len(tables[best])}"
        )
        numbers = pd.concat(tables, names=["training"]).reset_index("training")
        stem = FOLDER / study.preset / f"curves_network_{number}"
        files.append(figures.write(stem, figures.curves(tables), numbers))
    return {"a_curves": Result(shown=f"{'. '.join(shown)}.", files=tuple(files))}


def short(row: str) -> str:
    """What a rung has changed, such as `rate`; the network itself is `first`."""
    return row.rpartition("_")[2] if row not in ("a_network1", "a_network2") else "first"


def _history(study: Study, plan: Plan) -> pd.DataFrame:
    """`epoch`, and MSE and MAE on train and valid; a curve has the root of the MSE."""
    ran = study.run(plan.same)
    table = pd.DataFrame(read_json(ran.file(paths.model_dir(plan.model)) / HISTORY))
    squared = {f"{part}_mse": table[f"{part}_loss"] ** 2 for part in ("train", "valid")}
    return table.assign(**squared).drop(columns=["train_loss", "valid_loss"])


def _drawings(study: Study) -> Results:
    """Layers before any rung and after the last one."""
    shown, files = [], []
    for number, (before, *_, after) in LADDERS.items():
        drawn = {}
        for when, row in (("before tuning", before), ("after", after)):
            plan = SYSTEM.plan(row)
            stored = read_json(study.run(plan.same).file(paths.layers(plan.model)))
            drawn[f"Network {number}, {when}"] = [Layer.of(layer) for layer in stored]
        trained = [f"{sum(layer.parameters for layer in layers):,}" for layers in drawn.values()]
        shown.append(f"Network {number}: {trained[0]} trained weights before, {trained[1]} after")
        stem = FOLDER / study.preset / f"layers_network_{number}"
        panels = alt.hconcat(*(network(title, layers) for title, layers in drawn.items()))
        files.append(figures.write(stem, panels))
    return {"a_drawing": Result(shown=f"{'. '.join(shown)}.", files=tuple(files))}


PARTS: Parts = {
    ("a_join", "a_titles", "a_directors", "a_aggregation"): _data,
    ("a_sparsity",): sparsity,
    ("a_eda_years",): _years,
    ("a_svd", "a_svd_top"): _svd,
    ("a_list_genres", "a_list_tags", "a_list_director", "a_list_combined", "a_lookup"): _lists,
    ("a_encoding", "a_list_embedding", "a_list_combined2"): _texts,
    ("a_app1", "a_app2"): _apps,
    ("a_network2_folds",): _folds,
    ("a_curves",): _curves,
    ("a_drawing",): _drawings,
}
