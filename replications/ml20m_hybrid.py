"""System A: tagged ratings, a grid-searched SVD, lists by content, and two networks."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pandas as pd

from reelbench import paths
from reelbench.columns import DIRECTOR, ITEM_IDX, TITLE, TITLE_RAW, USER_IDX, YEAR
from reelbench.files import read_json
from reelbench.serving.similar import CONTENT, TEXT
from replications import eda, ml20m_lists, ml20m_networks, use_rows
from replications.counts import sizes
from replications.eda import RATINGS
from replications.exhibit_rows import exhibit_part
from replications.list_rows import of_user
from replications.parts import Part, Script
from replications.plan import FUTURE_SEEN, RANDOM_ROWS
from replications.result import FOLDER, Estimate, Result, Worth, counted
from replications.rows import System
from replications.study import SECONDS, Study, Variant, over_folds
from replications.words import with_line

ABOUT = (
    "Ratings are those of movies that the same user has tagged. Where the data are not MovieLens "
    "20M, figures differ for that alone: compare their order. Networks on the published protocol "
    "read the tags of a rating's own user and movie, those of test ratings too; what that is worth "
    "by itself (with vocabularies of all rows) is `row_tags`. Honest ones read the tags that "
    "anybody gave the movie before, and each user's last tenth is test. Of the published ladder "
    "the figures after the first are of training, though called validation; ours are of held-out "
    "rows."
)

_SVD = Variant(
    "svd",
    ("models.svd.learning_rate=0.005", "models.svd.regularization=0.02", "models.svd.init_std=0.1"),
)
_GRID = tuple(product((50, 100), (20, 30)))
# Surprise's own: nothing was chosen
_DEFAULT = (100, 20)
_FOLDS = 3
# ratings of users and movies that stay; the fewest that say of two users whether they agree
_PER_USER, _PER_MOVIE, _FEWEST = 20, 51, 2

_RANDOM = ("split=random", "split.test=0.2", "split.valid=0.2")
_DATA = ("a_join", "a_titles", "a_directors", "a_aggregation")
_EXHIBITS = {
    "a_eda_ratings": "rating_shares",
    "a_eda_genres": "genre_shares",
    "a_eda_users": "ratings_per_user",
    "a_eda_movies": "ratings_per_movie",
    "a_eda_mean_year": "mean_per_year",
    "a_eda_mean_genre": "mean_per_genre",
}


def script(system: System) -> Script:
    """Data and lists first, then what is trained, the networks last."""
    parts = (
        Part(_DATA, lambda study: _data(system, study)),
        Part(("a_sparsity",), lambda study: [_sparsity(system, study)]),
        exhibit_part(_EXHIBITS, Variant("bias"), system),
        Part(("a_eda_years",), _years),
        Part(("a_svd", "a_svd_top"), lambda study: _svd(system, study)),
        *ml20m_lists.parts(system),
        Part(("a_app1", "a_app2"), _apps),
        *ml20m_networks.parts(system),
    )
    return Script(parts)


def published_title(raw: str) -> str:
    """Text in brackets dropped, save for a year; a trailing The, A or An moved to the front."""
    bare = re.sub(r"\s*\((?!\d{4}\))[^)]*\)", "", raw).strip()
    return re.sub(r"^(.+), (The|A|An)( \(\d{4}\))?$", r"\2 \1\3", bare)


def _with_year(items: pd.DataFrame) -> pd.Series:
    """Our titles, and the year in brackets where it is known."""
    year = items[YEAR].map(lambda known: f" ({int(known)})", na_action="ignore").fillna("")
    return items[TITLE] + year


def _apps(study: Study) -> list[Result]:
    """What is typed into the published apps, answered by ours: a user id, and a title."""
    user = use_rows.of_first_user(study.run(_grid_point(*_DEFAULT)), "svd")
    ran = study.run(Variant("content"))
    with_text = study.run(Variant("content", ("evaluate.similarity=text",)))
    slid = use_rows.of_typed_title(ran, CONTENT, genre_weights=(0.0, 1.0))
    return [
        Result(row="a_app1", shown=f"{user} {slid}"),
        Result(row="a_app2", shown=f"{user} {use_rows.of_typed_title(with_text, TEXT)}"),
    ]


def _data(system: System, study: Study) -> list[Result]:
    ran = study.run(Variant("bias"), upto="split")
    items = pd.read_parquet(ran.file(paths.ITEMS))
    tags = pd.read_parquet(ran.file(paths.TAGS))
    pairs = len(tags.drop_duplicates([USER_IDX, ITEM_IDX]))
    without_year = items[TITLE_RAW].str.replace(r" \(\d{4}\)$", "", regex=True)
    changed = int((items[TITLE] != without_year).sum())
    other = int((items[TITLE_RAW].map(published_title) != _with_year(items)).sum())
    known = int(items[DIRECTOR].notna().sum()) if DIRECTOR in items else 0
    joined = f"{len(tags):,} tags on {pairs:,} pairs"
    shown = {
        "a_titles": f"{changed:,} of {len(items):,} titles differ from the raw one less its year; "
        f"normalised as published (brackets dropped, The, A and An to the front), {other:,} "
        "differ from ours.",
        "a_directors": f"{known:,} of {len(items):,} movies have a director, the others none.",
        "a_aggregation": f"{joined}; of a pair's ratings the last counts, not the mean.",
    }
    size = sizes(ran)
    most = pd.read_parquet(ran.file(paths.INTERACTIONS), columns=[USER_IDX])[USER_IDX]
    of_one = f"one user gave {most.value_counts().max():,} of them"
    size_of = f"Of {size['users']:,} users and {size['movies']:,} movies; {of_one}."
    join = Result(row="a_join", same=counted({"rows": size["ratings"]}), shown=size_of)
    return [with_line(system, join), *(Result(row=row, shown=text) for row, text in shown.items())]


def _years(study: Study) -> list[Result]:
    """In the lower half of the figure that has the means above."""
    ran = study.run(Variant("bias"), upto="split")
    table = eda.mean_per_year(pd.read_parquet(ran.file(paths.INTERACTIONS)))
    most = int(table[RATINGS].to_numpy().argmax())
    year, count = table[YEAR].iloc[most], table[RATINGS].iloc[most]
    told = f"{len(table)} years; most ratings in {year}: {count:,}."
    file = str(FOLDER / study.preset / "mean_per_year.png")
    return [Result(row="a_eda_years", shown=told, files=(file,))]


def _sparsity(system: System, study: Study) -> Result:
    """With fewer ratings per movie, and on all ratings too, where no tagged movie has enough."""
    joined = study.run(Variant("bias"), upto="split").file(paths.INTERACTIONS)
    most = int(pd.read_parquet(joined, columns=[ITEM_IDX])[ITEM_IDX].value_counts().max())
    enough = most >= _PER_MOVIE
    before, after = _filtered(study, _PER_MOVIE if enough else _FEWEST, tagged=True)
    found = {"sparsity_before": before["sparsity"], "sparsity_after": after["sparsity"]}
    left = (
        f"{after['ratings']:,} ratings, {after['users']:,} users, {after['movies']:,} movies left"
    )
    result = Result(row="a_sparsity", same=counted(found), shown=f"{left.capitalize()}.")
    if not enough:
        before, after = _filtered(study, _PER_MOVIE, tagged=False)
        told = f"At most {most} tagged ratings of a movie here, so {_FEWEST} are enough: {left}."
        beside = {"sparsity_before": before["sparsity"], "sparsity_after": after["sparsity"]}
        estimates = {name: Estimate(value=value) for name, value in beside.items()}
        also = {"All ratings with the published thresholds": estimates}
        result = result.model_copy(update={"shown": told, "also": also})
    return with_line(system, result)


def _filtered(study: Study, per_movie: int, *, tagged: bool) -> tuple[dict[str, Any], ...]:
    """Counts before and after users with 20 ratings and movies with so many."""
    overrides = (
        f"filter.min_per_user={_PER_USER}",
        f"filter.min_per_item={per_movie}",
        "filter.repeat=false",
        f"filter.tagged={str(tagged).lower()}",
    )
    ran = study.run(Variant("bias", overrides), upto="split")
    steps = read_json(ran.file(paths.CLEAN_COUNTS))["interactions"]["filter"]["steps"]
    return steps["tagged" if tagged else "before"], steps["enough_ratings"]


def _grid_point(factors: int, epochs: int) -> Variant:
    return _SVD.with_(f"models.svd.factors={factors}", f"models.svd.epochs={epochs}")


def _svd(system: System, study: Study) -> list[Result]:
    """The best of a grid on the folds that are reported; honest is the library's default."""
    grid = {point: over_folds(study, _grid_point(*point), _FOLDS) for point in _GRID}
    best = min(grid, key=lambda point: grid[point].spread("rmse").mean)
    default = _grid_point(*_DEFAULT)
    honest = study.measure(default)
    random = study.measure(default.with_(RANDOM_ROWS))
    chosen = grid[best].spread("rmse").mean - grid[_DEFAULT].spread("rmse").mean
    seen = random.estimate("rmse").value - honest.estimate("rmse").value
    told = (
        f"Best of the grid: {best[0]} factors, {best[1]} epochs; ± is over {_FOLDS} folds. "
        f"It was chosen on the folds that it is reported on, where it has RMSE {-chosen:.4f} less "
        f"than the library's own {_DEFAULT[0]} factors and {_DEFAULT[1]} epochs, which are honest."
    )
    result = Result(
        row="a_svd",
        same={m: grid[best].spread(m) for m in ("rmse", SECONDS)},
        honest={"rmse": honest.estimate("rmse")},
        worth=(Worth(fault=FUTURE_SEEN, metric="rmse", difference=seen),),
        shown=told,
    )
    top = Result(row="a_svd_top", shown=of_user(study.run(default), "svd"))
    return [with_line(system, result), top]
