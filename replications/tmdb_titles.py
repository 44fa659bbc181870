"""System D: the mean vote of movies that nobody in train has rated, from an id and a title."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.columns import DIRECTOR, GENRES, ITEM_IDX, KEYWORDS, RATING, TAGLINE, TITLE_RAW, YEAR
from reelbench.files import read_json
from replications import eda_figures, movie_numbers
from replications.bars import write_bars
from replications.counts import sizes
from replications.parts import Part, Script
from replications.plan import Plan, carry_out
from replications.result import FOLDER, Result, Spread, counted
from replications.rows import Row, System
from replications.study import SECONDS, Measured, Study, Variant
from replications.words import spread, with_line
from replications.workspace import Ran

ABOUT = (
    "Every movie is rated once, by one pseudo-user, so there is no past and no future: honest is "
    "the same split, with zeros for ids that were never trained. The three networks are run "
    "with at least ten seeds."
)

_METRICS = ("mae", "rmse", "r2", SECONDS)
_UNTRAINED = "untrained_ids"
_FIFTEEN = ("features.titles.max_tokens=15",)
#: best first, as published
_NETWORKS = {
    "d_dnn": Variant("tmdb_dnn"),
    "d_finetune": Variant("tmdb_finetune", _FIFTEEN),
    "d_glove": Variant("tmdb_glove", _FIFTEEN),
}
_LEAST_SEEDS = 10
# what is known of a new movie, and its title beside it
_WITH_TITLES = Variant("dnn", ("models.dnn.features=[genres,years,numeric,titles]",))
_CORRECTED = {
    "d_dnn": {"`dnn` on what is known of a movie": Variant("dnn"), "`st`": Variant("st")},
    "d_glove": {
        "title alone, `glove`": Variant("glove"),
        "title beside what is known of a movie": _WITH_TITLES,
    },
    "d_finetune": {
        "title alone, `finetune`": Variant("finetune"),
        "title beside what is known of a movie": _WITH_TITLES.with_(
            "models.dnn.train_vectors=true"
        ),
    },
}
_FOLDS = 5
_FIGURES = {
    "d_age": ("film_age",),
    "d_json": ("genre_shares", "mean_per_genre"),
    "d_pca": ("correlations", "components"),
    "d_target": ("rating_shares",),
}


def script(system: System) -> Script:
    """The data, then the three networks, k-fold, and the figure of all."""
    rows = ("d_join", "d_fillings", "d_json", "d_logs", "d_age", "d_pca", "d_target", "d_split")
    return Script(
        (
            Part(rows, partial(_data, system)),
            *(Part((row,), partial(_network, system.row(row))) for row in _NETWORKS),
            Part(("d_folds",), _folds),
            Part(("d_figure",), _figure),
        )
    )


def _network(row: Row, study: Study) -> list[Result]:
    """Figures of one of the three, and in how many runs its R² is below 0 as published."""
    network = _NETWORKS[row.id]
    plan = Plan(
        rows={row.id: _METRICS},
        same=_untrained(network),
        honest=network,
        single={_UNTRAINED: _untrained(network)},
        also={f"corrected, {name}": variant for name, variant in _CORRECTED[row.id].items()},
        least=_LEAST_SEEDS,
    )
    (result,) = carry_out(plan, study, {row.id: row})
    found = _of_runs(study, row.id, "r2")
    shown = f"R² below 0 in {(found < 0).sum()} of {len(found)} runs."
    return [result.model_copy(update={"shown": shown})]


def _untrained(network: Variant) -> Variant:
    return network.with_(f"models.{network.model}.cold=untrained")


def _published(study: Study, row: str) -> Measured:
    return study.measure(_untrained(_NETWORKS[row]), max(study.seeds, _LEAST_SEEDS))


def _of_runs(study: Study, row: str, metric: str) -> np.ndarray:
    """Of the published network, by seed, which is the same draw for each of the three."""
    return np.array([run[metric] for run in _published(study, row).runs])


def _data(system: System, study: Study) -> list[Result]:
    ran = study.run(Variant("bias"), upto="split")
    items, users, rows = (
        pd.read_parquet(ran.file(table)) for table in (paths.ITEMS, paths.USERS, paths.INTERACTIONS)
    )
    eda_figures.write(rows, items, users, FOLDER / study.preset)
    made = {**_told(ran, items, rows[RATING]), "d_pca": _components(items)}
    split = Result(row="d_split", same=counted(sizes(ran)), shown=_variance(system, items, rows))
    results = [Result(row=row, shown=text, files=_files(study, row)) for row, text in made.items()]
    return [*results, with_line(system, split)]


def _files(study: Study, row: str) -> tuple[str, ...]:
    return tuple(str(FOLDER / study.preset / f"{name}.png") for name in _FIGURES.get(row, ()))


def _told(ran: Ran, items: pd.DataFrame, votes: pd.Series) -> dict[str, str]:
    written = read_json(ran.file(paths.CLEAN_COUNTS))["items"]["written"]
    numeric = ran.content["features"]["numeric"]
    directors = _known(items, DIRECTOR)
    credits = f"{directors:,} with a director" if directors else "no credits at hand"
    return {
        "d_join": f"{written:,} movies, {credits}; joined on the title alone those of one title "
        f"meet each other's, {len(_joined(items)):,} rows. Ours are joined on the id.",
        "d_fillings": f"A missing tagline ({_missing(items, TAGLINE):,} movies) stays missing; a "
        "missing number is train's median, with a flag: `numeric`.",
        "d_json": f"{_distinct(items, GENRES):,} genres, {_distinct(items, KEYWORDS):,} keywords.",
        "d_logs": f"log(1 + x) of {', '.join(numeric['log'])}: `numeric`.",
        "d_age": f"Years {items[YEAR].min()} to {items[YEAR].max()}: `years`.",
        "d_target": f"{len(votes):,} mean votes, {votes.mean():.2f} ± {votes.std():.2f}.",
    }


def _joined(items: pd.DataFrame) -> np.ndarray:
    """Rows of the table that are left of a join on the title: each as often as its title is."""
    times = items[TITLE_RAW].map(items[TITLE_RAW].value_counts())
    return np.repeat(np.arange(len(items)), times)


def _variance(system: System, items: pd.DataFrame, rows: pd.DataFrame) -> str:
    """That of the published test votes, which its RMSE and R² give away, and scikit-learn's."""
    from sklearn.model_selection import train_test_split

    published = system.row("d_dnn").published
    implied = published["rmse"] ** 2 / (1 - published["r2"])
    # a movie without a vote had a mean of 0 there
    votes = rows.set_index(ITEM_IDX)[RATING].reindex(range(len(items)), fill_value=0.0)
    votes = votes.to_numpy(np.float64)[_joined(items)]
    _, test = train_test_split(votes, test_size=0.2, random_state=42)
    return (
        f"Published figures mean a variance of {implied:.3f} of test votes; the joined rows drawn "
        f"as published have {test.var():.3f}, all votes {votes.var():.3f}."
    )


def _components(items: pd.DataFrame) -> str:
    """Of all movies, as published: a look and no feature."""
    numbers = movie_numbers.movie_numbers(items, zero_is_missing=False)
    gone = movie_numbers.dropped(movie_numbers.correlations(numbers))
    left = numbers.drop(columns=gone)
    needed = movie_numbers.components(left).needed
    return (
        f"Dropped beside a column that they follow: {', '.join(gone) or 'none'}; {needed} "
        f"components of the other {left.shape[1]} hold {100 * movie_numbers.VARIANCE:.0f} % of "
        "the variance."
    )


def _known(items: pd.DataFrame, column: str) -> int:
    return int(items[column].notna().sum()) if column in items else 0


def _missing(items: pd.DataFrame, column: str) -> int:
    return len(items) - _known(items, column)


def _distinct(items: pd.DataFrame, column: str) -> int:
    return items[column].explode().nunique() if column in items else 0


def _folds(study: Study) -> list[Result]:
    """Means over the folds, as published and corrected."""
    told = []
    for variant in (_untrained(_NETWORKS["d_dnn"]), Variant("dnn")):
        found = _over_folds(study, variant)
        told.append(f"`{variant.model}`: R² {spread('r2', found)}")
    return [Result(row="d_folds", shown=f"{_FOLDS} folds, {', '.join(told)}.")]


def _over_folds(study: Study, variant: Variant) -> Spread:
    folds = (
        variant.with_("split=kfold", f"split.folds={_FOLDS}", f"split.fold={fold}")
        for fold in range(1, _FOLDS + 1)
    )
    measured = [study.measure(fold) for fold in folds]
    return Measured(tuple(run for found in measured for run in found.runs)).spread("r2")


def _figure(study: Study) -> list[Result]:
    """Bars of every model: as published, with zeros for untrained ids, and corrected."""
    bars: dict[str, dict[str, Spread]] = {}
    for row, network in _NETWORKS.items():
        measured = {
            f"{network.model}, as published": _published(study, row),
            f"{network.model}, zeros": study.measure(network),
            **{name: study.measure(of) for name, of in _CORRECTED[row].items()},
        }
        for name, found in measured.items():
            unique = f"{name}, trained on" if name in bars else name
            bars[unique] = {metric: found.spread(metric) for metric in ("mae", "rmse", "r2")}
    file = str(write_bars(study.preset, bars))
    return [Result(row="d_figure", shown=_order(study), files=(file,))]


def _order(study: Study) -> str:
    """In how many runs one network is before another, as published and by mean RMSE."""
    found = {row: _of_runs(study, row, "rmse") for row in _NETWORKS}
    first, second, third = (found[row] for row in _NETWORKS)
    names = [network.model.removeprefix("tmdb_") for network in _NETWORKS.values()]
    ranked = sorted(zip((of.mean() for of in found.values()), names, strict=True))
    runs = len(first)
    return (
        f"RMSE in the published order in {((first < second) & (second < third)).sum()} of {runs} "
        f"runs: {names[0]} before {names[1]} in {(first < second).sum()}, {names[1]} before "
        f"{names[2]} in {(second < third).sum()}, {names[0]} before {names[2]} in "
        f"{(first < third).sum()}. By mean: {', '.join(f'{n} {mean:.4f}' for mean, n in ranked)}."
    )
