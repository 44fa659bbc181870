"""System C: means, neighbours, three networks, a ranker, and lists by overview."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.columns import OVERVIEW, TITLE
from reelbench.data.interactions import Interactions
from reelbench.files import read_json
from reelbench.models.base import Recommender
from reelbench.params import ParamsError
from replications import netflix_sample, surprise_table
from replications.counts import sizes
from replications.exhibit_rows import exhibit_part
from replications.list_rows import LENGTH, content_lists, of_title
from replications.options import Options, quoted
from replications.parts import Part, Script, of_plans
from replications.plan import FUTURE_SEEN, RANDOM_ROWS, Plan, carry_out
from replications.precision import precision_at
from replications.result import FOLDER, Result, Worth, counted
from replications.rows import System
from replications.study import FIRST_SEED, Study, Variant, spread_of
from replications.words import with_line
from replications.workspace import Ran

ABOUT = (
    "Without the files of the Netflix Prize the ratings are made up (`synthetic`): compare the "
    "order of models then, not their figures. A movie of the sample needs more than 1,000 ratings, "
    "a tenth of the published number; recipes are as published, also the 1,000 ratings of the "
    "weighted mean. Honest is each user's last tenth as test."
)

# 100,000 of 4,178,032 rows; one epoch, so nothing is stopped early
_RANDOM = ("split=random", "split.test=0.024", "split.valid=0.0")
# of the sample: a tenth of the published ratings of a movie, as it has fewer users; 200 of a user
# are as published
_FEWEST = ("filter.min_per_item=1001",)
_MODELS = {
    "c_mean": ("item_mean", ("rmse",)),
    "c_weighted_mean": ("weighted_mean", ("rmse",)),
    "c_cosine": ("knn_user", ("rmse",)),
    "c_mf": ("netflix_mf", ("rmse",)),
    "c_network": ("netflix_network", ("rmse", "mse")),
    "c_hybrid": ("netflix_hybrid", ("rmse",)),
}
_ALSO = {
    "c_cosine": {
        "neighbours of what effects of users and movies leave, honest": Variant(
            "knn_user", ("models.knn_user.baseline=biases",)
        )
    }
}
_NETWORKS = ("c_mf", "c_network", "c_hybrid")
_EXHIBITS = {
    "c_eda_years": "mean_per_release_year",
    "c_eda_ratings": "rating_shares",
    "c_eda_days": "ratings_per_day",
    "c_eda_movies": "ratings_per_movie",
    "c_eda_users": "ratings_per_user",
}
_FIRST = Variant("item_mean")
# figures of the data show what the filter leaves out too
_NO_FILTER = ("filter.min_per_user=0", "filter.min_per_item=0")
_WHOLE = _FIRST.with_(*_NO_FILTER)
_EVERY_OVERVIEW = Variant("netflix_hybrid", _NO_FILTER)
_WARP = Variant("warp", ("evaluate.k=[20]",))
_K = 20
_PRECISION = f"precision_at_{_K}"
_SEEN_LISTED = "seen_listed"
_ASKED = "Batman Begins"
_SURPRISE_ROWS, _SURPRISE_FOLDS = 50_000, 3


def prepare(options: Options, folder: Path) -> tuple[str, ...]:
    """The user's files, or a sample; overviews from TMDB's list where it is given.

    Raises:
        ParamsError: another data set is asked for.
    """
    if options.data is not None:
        raise ParamsError("netflix_overviews reads files of the Netflix Prize: name them by --root")
    movies = None if options.listing is None else netflix_sample.overviews(options.listing)
    root = options.root or folder / "sample"
    overrides: tuple[str, ...] = (f"data.root={quoted(root.resolve())}",)
    if options.root is None:
        netflix_sample.make_sample(root, movies)
        overrides += _FEWEST
    if movies is None:
        return overrides
    file = netflix_sample.write_overviews(movies, folder).resolve()
    columns = ("title_raw:title", "year:year", "director:director", "overview:overview")
    listed = f"enrich.list.columns={{{','.join(columns)}}}"
    return (*overrides, "enrich=imdb-directors", f"enrich.list.path={quoted(file)}", listed)


def script(system: System) -> Script:
    """The data, then models by their cost."""
    plans = [_plan(row) for row in _MODELS if row not in _NETWORKS]
    parts = (
        Part(("c_reader", "c_overviews", "c_filter"), lambda study: _data(system, study)),
        exhibit_part(_EXHIBITS, _WHOLE, system),
        *of_plans(plans, system),
        *(Part((row,), partial(_network, row, system)) for row in _NETWORKS),
        Part(("c_list_overviews",), _nearest),
        Part(("c_warp",), lambda study: [_warp(system, study)]),
        Part(("c_surprise",), _surprise),
    )
    return Script(parts)


def _plan(row: str) -> Plan:
    model, metrics = _MODELS[row]
    return Plan(
        {row: metrics},
        same=Variant(model, _RANDOM),
        honest=Variant(model),
        single={FUTURE_SEEN: Variant(model, (RANDOM_ROWS,))},
        also=_ALSO.get(row, {}),
    )


def _network(row: str, system: System, study: Study) -> list[Result]:
    """A network's figures, and how many steps its epochs are here: a sample has fewer."""
    (result,) = carry_out(_plan(row), study, {row: system.row(row)})
    model, _ = _MODELS[row]
    ran = study.run(Variant(model, _RANDOM), upto="split")
    config, rows = ran.content["models"][model], sizes(ran)["train_rows"]
    epochs = "1 epoch" if config["epochs"] == 1 else f"{config['epochs']} epochs"
    steps = config["epochs"] * -(-int(rows) // config["batch_size"])
    shown = f"{epochs} in batches of {config['batch_size']:,}: {steps:,} steps."
    return [result.model_copy(update={"shown": shown})]


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
    """By overview, to the movie of the publication or else the first that has one.

    Among all movies: the filter of ratings leaves few, and not that one.
    """
    ran = study.run(_EVERY_OVERVIEW, upto="inputs")
    lists = content_lists(ran, ("overviews",))
    known = np.flatnonzero(np.diff(lists.overviews.indptr))
    if not len(known):
        return [Result(row="c_list_overviews", not_run="no overviews: name a list with --list")]
    titles = pd.read_parquet(ran.file(paths.ITEMS), columns=[TITLE])[TITLE].to_numpy()
    asked = [item for item in known if titles[item] == _ASKED]
    item = int(asked[0] if asked else known[0])
    instead = "" if asked else f"There is no overview of {_ASKED} here. "
    shown = instead + of_title(ran, item, lists.by_overview(item, LENGTH))
    return [Result(row="c_list_overviews", shown=shown)]


def _warp(system: System, study: Study) -> Result:
    """As LightFM counts, which is not told what was in train: on test, and on train itself."""
    row = system.row("c_warp")
    same = _WARP.with_(*_RANDOM)
    seen = _WARP.with_(RANDOM_ROWS)
    plan = Plan({row.id: (_PRECISION,)}, same, _WARP, {FUTURE_SEEN: seen})
    (result,) = carry_out(plan, study, {row.id: row})
    parts = {f"{_PRECISION}_train": paths.TRAIN, _PRECISION: paths.TEST}
    found = [
        _precisions(study.run(same, seed=FIRST_SEED + place), parts) for place in range(study.seeds)
    ]
    counted_so = {name: spread_of([of_run[name] for of_run in found]) for name in parts}
    listed = _precisions(study.run(_WARP), {_PRECISION: paths.TEST})[_PRECISION]
    lost = listed - result.honest[_PRECISION].value
    fault = Worth(fault=_SEEN_LISTED, metric=_PRECISION, difference=lost)
    changed = {"same": counted_so, "worth": (*result.worth, fault)}
    return with_line(system, result.model_copy(update=changed))


def _precisions(ran: Ran, parts: Mapping[str, Path]) -> dict[str, float]:
    """Of the lists of all movies, those of train among them, on each part."""
    model = Recommender.load(ran.file(paths.model_dir(_WARP.model)))
    return {
        name: precision_at(model, Interactions.from_parquet(ran.file(part)), _K)
        for name, part in parts.items()
    }


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
