"""System C: means, neighbours, three networks, a ranker, and lists by overview."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.columns import OVERVIEW, TITLE
from reelbench.data.interactions import Interactions
from reelbench.files import read_json
from reelbench.models.base import Recommender
from reelbench.replication import netflix_sample, surprise_table
from reelbench.replication.counts import sizes
from reelbench.replication.exhibit_rows import exhibit_part
from reelbench.replication.list_rows import LENGTH, content_lists, of_title
from reelbench.replication.options import Options
from reelbench.replication.parts import Part, Script, of_plans
from reelbench.replication.plan import FUTURE_SEEN, Plan, carry_out
from reelbench.replication.result import FOLDER, Result, Spread, counted
from reelbench.replication.rows import System
from reelbench.replication.study import Study, Variant
from reelbench.replication.words import with_line

ABOUT = (
    "Without the files of the Netflix Prize the ratings are made up (`synthetic`): compare the "
    "order of models then, not their figures. Honest is each user's last tenth as test."
)

# 100,000 of 4,178,032 rows; one epoch, so nothing is stopped early
_RANDOM = ("split=random", "split.test=0.024", "split.valid=0.0")
# of the sample, which is smaller by two orders
_FEWEST = ("filter.min_per_user=40", "filter.min_per_item=100")
_MODELS = {
    "c_mean": ("item_mean", ("rmse",)),
    "c_weighted_mean": ("weighted_mean", ("rmse",)),
    "c_cosine": ("knn_user", ("rmse",)),
    "c_mf": ("netflix_mf", ("rmse",)),
    "c_network": ("netflix_network", ("rmse", "mse")),
    "c_hybrid": ("netflix_hybrid", ("rmse",)),
}
_EXHIBITS = {
    "c_eda_years": "mean_per_release_year",
    "c_eda_ratings": "rating_shares",
    "c_eda_days": "ratings_per_day",
    "c_eda_movies": "ratings_per_movie",
    "c_eda_users": "ratings_per_user",
}
_FIRST = Variant("item_mean")
_WARP = Variant("warp", ("evaluate.k=[20]",))
_K = 20
_ASKED = "Batman Begins"
_SURPRISE_ROWS, _SURPRISE_FOLDS = 20_000, 3


def prepare(options: Options, folder: Path) -> tuple[str, ...]:
    """The user's files, or a sample; overviews from TMDB's list where it is given."""
    movies = None if options.listing is None else netflix_sample.overviews(options.listing)
    root = options.root or folder / "sample"
    overrides: tuple[str, ...] = (f"data.root={root.resolve()}",)
    if options.root is None:
        netflix_sample.write_sample(root, movies)
        overrides += _FEWEST
    if movies is None:
        return overrides
    file = netflix_sample.write_overviews(movies, folder).resolve()
    columns = ("title_raw:title", "year:year", "director:director", "overview:overview")
    listed = f"enrich.list.columns={{{','.join(columns)}}}"
    return (*overrides, "enrich=imdb-directors", f"enrich.list.path={file}", listed)


def script(system: System) -> Script:
    """The data, then models by their cost."""
    plans = [
        Plan({row: metrics}, Variant(model, _RANDOM), Variant(model), _seen(model))
        for row, (model, metrics) in _MODELS.items()
    ]
    parts = (
        Part(("c_reader", "c_overviews", "c_filter"), lambda study: _data(system, study)),
        exhibit_part(_EXHIBITS, _FIRST, system),
        *of_plans(plans, system),
        Part(("c_list_overviews",), _nearest),
        Part(("c_warp",), lambda study: [_warp(system, study)]),
        Part(("c_surprise",), _surprise),
    )
    return Script(parts, gaps={})


def _seen(model: str) -> dict[str, Variant]:
    return {FUTURE_SEEN: Variant(model, _RANDOM)}


def _data(system: System, study: Study) -> list[Result]:
    ran = study.run(_FIRST, upto="split")
    counts = read_json(ran.file(paths.CLEAN_COUNTS))["interactions"]
    items = pd.read_parquet(ran.file(paths.ITEMS))
    known = int(items[OVERVIEW].notna().sum()) if OVERVIEW in items else 0
    left = {name: sizes(ran)[name] for name in ("ratings", "users", "movies")}
    return [
        with_line(system, Result(row="c_reader", same=counted({"ratings": counts["read"]}))),
        Result(row="c_overviews", shown=f"{known:,} of {len(items):,} movies have an overview."),
        with_line(system, Result(row="c_filter", same=counted(left))),
    ]


def _nearest(study: Study) -> list[Result]:
    """By overview, to the movie of the publication or else the first that has one."""
    ran = study.run(Variant("netflix_hybrid"))
    lists = content_lists(ran, ("overviews",))
    known = np.flatnonzero(np.diff(lists.overviews.indptr))
    if not len(known):
        return [Result(row="c_list_overviews", not_run="no overviews: name a list with --list")]
    titles = pd.read_parquet(ran.file(paths.ITEMS), columns=[TITLE])[TITLE].to_numpy()
    asked = [item for item in known if titles[item] == _ASKED]
    item = int(asked[0] if asked else known[0])
    shown = of_title(ran, item, lists.by_overview(item, LENGTH))
    return [Result(row="c_list_overviews", shown=shown)]


def _warp(system: System, study: Study) -> Result:
    """Test figures as for every model, and the published look at the rows that it learned."""
    row = system.row("c_warp")
    variant = _WARP.with_(*_RANDOM)
    plan = Plan({row.id: (f"precision_at_{_K}",)}, variant, _WARP, {FUTURE_SEEN: variant})
    (result,) = carry_out(plan, study, {row.id: row})
    ran = study.run(variant)
    model = Recommender.load(ran.file(paths.model_dir(_WARP.model)))
    train = Interactions.from_parquet(ran.file(paths.TRAIN))
    on_train = Spread(mean=precision_on(model, train, _K))
    same = {**result.same, f"precision_at_{_K}_train": on_train}
    return with_line(system, result.model_copy(update={"same": same}))


def precision_on(model: Recommender, train: Interactions, k: int) -> float:
    """Share of the top k, seen movies not removed, that the user has in train; mean over users."""
    rated = train.seen(model.ids.n_users, model.ids.n_items)
    found = []
    for users in np.array_split(np.unique(train.user_idx), max(1, model.ids.n_users // 500)):
        top = np.argsort(-model.score(users), axis=1, kind="stable")[:, :k]
        rows = rated[users].toarray()
        found.append(np.take_along_axis(rows, top, axis=1).mean(axis=1))
    return float(np.concatenate(found).mean())


def _surprise(study: Study) -> list[Result]:
    ran = study.run(_FIRST, upto="split")
    rows = pd.read_parquet(ran.file(paths.INTERACTIONS))
    sample = surprise_table.sample(rows, _SURPRISE_ROWS, ran.content["seed"])
    scale = read_json(ran.file(paths.CATALOGUE))
    bounds = (float(scale["rating_min"]), float(scale["rating_max"]))
    table = surprise_table.surprise_table(sample, bounds, _SURPRISE_FOLDS, ran.content["seed"])
    folder = FOLDER / study.preset
    surprise_table.write(table, folder)
    best, worst = (table.iloc[place] for place in (0, -1))
    shown = (
        f"{len(sample):,} ratings, {_SURPRISE_FOLDS} folds: RMSE {best['rmse']:.4f} "
        f"({best['algorithm']}) to {worst['rmse']:.4f} ({worst['algorithm']})."
    )
    return [Result(row="c_surprise", shown=shown, files=(str(folder / "surprise.png"),))]
