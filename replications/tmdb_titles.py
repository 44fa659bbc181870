"""System D: the mean vote of movies that nobody in train has rated, from an id and a title."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.columns import DIRECTOR, GENRES, ITEM_IDX, KEYWORDS, RATING, TAGLINE, TITLE_RAW, YEAR
from reelbench.files import read_json
from replications import figures, tables
from replications.measure import Parts, Results, Study, sizes
from replications.published import Plan, Variant, system
from replications.results import FOLDER, Result, Spread, counts

SYSTEM = system("tmdb_titles")
_FOLDS = 5
#: best first, as published
NETWORKS = ("d_dnn", "d_finetune", "d_glove")
_BIAS, _DNN = Variant(model="bias"), Variant(model="dnn")
_DATA = ("d_join", "d_fillings", "d_json", "d_logs", "d_age", "d_pca", "d_target", "d_split")
_FIGURES = {
    "d_age": ("film_age",),
    "d_json": ("genre_shares", "mean_per_genre"),
    "d_pca": ("correlations", "components"),
    "d_target": ("rating_shares",),
}


def _of_runs(study: Study, plan: Plan, metric: str) -> np.ndarray:
    """By seed, which draws the same split for each of the three networks."""
    return np.array([run[metric] for run in study.published(plan).runs])


def _data(study: Study) -> Results:
    rows, items, users = figures.tables_of(study, _BIAS)
    ran = study.ran[-1]
    figures.write_exhibits(rows, items, users, FOLDER / study.preset)
    votes = rows[RATING]
    written = read_json(ran.file(paths.CLEAN_COUNTS))["items"]["written"]
    directors = int(items[DIRECTOR].notna().sum()) if DIRECTOR in items else 0
    credits = f"{directors:,} with a director" if directors else "no credits available"
    taglines = int(items[TAGLINE].isna().sum()) if TAGLINE in items else len(items)
    genres, keywords = (
        items[c].explode().nunique() if c in items else 0 for c in (GENRES, KEYWORDS)
    )
    logarithms = ", ".join(ran.content["features"]["numeric"]["log"])
    shown = {
        "d_join": f"{written:,} movies, {credits}; joined on the title alone, movies with the same "
        f"title get each other's credits: {len(_joined(items)):,} rows. Ours are joined on the id.",
        "d_fillings": f"A missing tagline ({taglines:,} movies) stays missing; a missing number is "
        "the median of train, with a flag: `numeric`.",
        "d_json": f"{genres:,} genres, {keywords:,} keywords.",
        "d_logs": f"log(1 + x) of {logarithms}: `numeric`.",
        "d_age": f"Years {items[YEAR].min():g} to {items[YEAR].max():g}: `years`.",
        "d_pca": _components(items),
        "d_target": f"{len(votes):,} mean votes, {votes.mean():.2f} ± {votes.std():.2f}.",
    }
    files = {
        r: tuple(str(FOLDER / study.preset / f"{f}.png") for f in _FIGURES[r]) for r in _FIGURES
    }
    split = Result(same=counts(sizes(ran)), shown=_variance(items, rows))
    made = {r: Result(shown=text, files=files.get(r, ())) for r, text in shown.items()}
    return {**made, "d_split": split}


def _joined(items: pd.DataFrame) -> np.ndarray:
    """Rows of the movies in a join on the title: each as often as its title occurs."""
    times = items[TITLE_RAW].map(items[TITLE_RAW].value_counts())
    return np.repeat(np.arange(len(items)), times)


def _variance(items: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Of test votes: as published RMSE and R² imply it, and of scikit-learn's split."""
    from sklearn.model_selection import train_test_split

    published = SYSTEM.row("d_dnn").published
    implied = published["rmse"] ** 2 / (1 - published["r2"])
    # there a movie without votes has a mean of 0
    votes = rows.set_index(ITEM_IDX)[RATING].reindex(range(len(items)), fill_value=0.0)
    votes = votes.to_numpy(np.float64)[_joined(items)]
    _, test = train_test_split(votes, test_size=0.2, random_state=42)
    return (
        f"Published RMSE and R² imply a variance of {implied:.3f} of the test votes; the joined "
        f"rows, drawn as published, have {test.var():.3f}, all votes {votes.var():.3f}."
    )


def _components(items: pd.DataFrame) -> str:
    """Of all movies, as published: nothing here is a feature."""
    numbers = figures.movie_numbers(items)
    gone = figures.dropped(numbers)
    left = numbers.drop(columns=gone)
    return (
        f"Dropped because of a correlation with an earlier column: {', '.join(gone) or 'none'}; "
        f"{figures.components(left)[1]} components of the other {left.shape[1]} have "
        f"{100 * figures.VARIANCE:.0f} % of the variance."
    )


def _folds(study: Study) -> Results:
    """Means over the folds, as published and corrected."""
    found = []
    for variant in (SYSTEM.plan("d_dnn").same, _DNN):
        r2 = study.over_folds(variant, _FOLDS).spread("r2")
        found.append(f"`{variant.model}`: R² {tables.spread('r2', r2)}")
    return {"d_folds": f"{_FOLDS} folds, {', '.join(found)}."}


def _figure(study: Study) -> Results:
    """Bars of every model: as published, with zeros for untrained ids, and corrected."""
    bars: dict[str, dict[str, Spread]] = {}
    for plan in map(SYSTEM.plan, NETWORKS):
        measured = {
            f"{plan.model}, as published": study.published(plan),
            f"{plan.model}, zeros": study.measure(plan.honest),
            **{name: study.measure(variant) for name, variant in plan.also.items()},
        }
        for name, found in measured.items():
            name = name.removeprefix("corrected, ")
            unique = f"{name}, trained further" if name in bars else name
            bars[unique] = {metric: found.spread(metric) for metric in ("mae", "rmse", "r2")}
    chart, table = figures.grouped_bars(bars, "Errors and R² on movies without a rating in train")
    file = figures.write(FOLDER / study.preset / "bars", chart, table)
    return {"d_figure": Result(shown=_order(study), files=(file,))}


def _order(study: Study) -> str:
    """In how many runs one network is better than another, as published; and the mean RMSEs."""
    plans = [SYSTEM.plan(row) for row in NETWORKS]
    found = [_of_runs(study, plan, "rmse") for plan in plans]
    first, second, third = found
    names = [plan.model.removeprefix("tmdb_") for plan in plans]
    ranked = sorted(zip((of.mean() for of in found), names, strict=True))
    pairs = {(0, 1): first < second, (1, 2): second < third, (0, 2): first < third}
    told = [f"{names[a]} before {names[b]} in {better.sum()}" for (a, b), better in pairs.items()]
    return (
        f"RMSE in the published order in {(pairs[0, 1] & pairs[1, 2]).sum()} of {len(first)} runs: "
        f"{', '.join(told)}. By mean: {', '.join(f'{name} {mean:.4f}' for mean, name in ranked)}."
    )


PARTS: Parts = {_DATA: _data, ("d_folds",): _folds, ("d_figure",): _figure}
