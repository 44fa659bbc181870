"""System D: the mean vote of movies that nobody in train has rated, from an id and a title."""

from __future__ import annotations

import pandas as pd

from reelbench import paths
from reelbench.columns import DIRECTOR, GENRES, KEYWORDS, RATING, TAGLINE, YEAR
from reelbench.files import read_json
from reelbench.replication import movie_numbers
from reelbench.replication.bars import write_bars
from reelbench.replication.counts import sizes
from reelbench.replication.parts import Part, Script, of_plans
from reelbench.replication.plan import Plan
from reelbench.replication.result import Result, Spread, counted
from reelbench.replication.rows import System
from reelbench.replication.study import SECONDS, Measured, Study, Variant
from reelbench.replication.words import spread

ABOUT = (
    "Every movie is rated once, by one pseudo-user, so there is no past and no future: honest is "
    "the same split, with zeros for ids that were never trained."
)

_METRICS = ("mae", "rmse", "r2", SECONDS)
_UNTRAINED = "untrained_ids"
# a published network, and ours that reads what can be known of a new movie
_ROWS = {
    "d_dnn": (Variant("tmdb_dnn"), ("dnn", "st")),
    "d_glove": (Variant("tmdb_glove", ("features.titles.max_tokens=15",)), ("glove",)),
    "d_finetune": (Variant("tmdb_finetune", ("features.titles.max_tokens=15",)), ("finetune",)),
}
_FOLDS = 5


def script(system: System) -> Script:
    """The data, then the three networks, k-fold, and the figure of all."""
    rows = ("d_join", "d_fillings", "d_json", "d_logs", "d_age", "d_target", "d_split")
    plans = [_plan(row) for row in _ROWS]
    return Script(
        (
            Part(rows, _data),
            *of_plans(plans, system),
            Part(("d_pca",), _components),
            Part(("d_folds",), _folds),
            Part(("d_figure",), _figure),
        ),
        gaps={},
    )


def _plan(row: str) -> Plan:
    network, corrected = _ROWS[row]
    untrained = _untrained(network)
    return Plan(
        rows={row: _METRICS},
        same=untrained,
        honest=network,
        single={_UNTRAINED: untrained},
        also={f"corrected, `{model}`": Variant(model) for model in corrected},
    )


def _untrained(network: Variant) -> Variant:
    return network.with_(f"models.{network.model}.cold=untrained")


def _data(study: Study) -> list[Result]:
    ran = study.run(Variant("bias"), upto="split")
    items = pd.read_parquet(ran.file(paths.ITEMS))
    counts = read_json(ran.file(paths.CLEAN_COUNTS))["items"]
    numeric = ran.content["features"]["numeric"]
    votes = pd.read_parquet(ran.file(paths.INTERACTIONS), columns=[RATING])[RATING]
    shown = {
        "d_join": f"{counts['written']:,} movies; a director, which the credits have, for "
        f"{_known(items, DIRECTOR):,}.",
        "d_fillings": f"A missing tagline ({_missing(items, TAGLINE):,} movies) stays missing; a "
        "missing number is train's median, with a flag: `numeric`.",
        "d_json": f"{_distinct(items, GENRES):,} genres, {_distinct(items, KEYWORDS):,} keywords.",
        "d_logs": f"log(1 + x) of {', '.join(numeric['log'])}: `numeric`.",
        "d_age": f"Years {items[YEAR].min()} to {items[YEAR].max()}: `years`.",
        "d_target": f"{len(votes):,} mean votes, {votes.mean():.2f} ± {votes.std():.2f}.",
    }
    split = Result(row="d_split", same=counted(sizes(ran)))
    return [*(Result(row=row, shown=text) for row, text in shown.items()), split]


def _components(study: Study) -> list[Result]:
    """Of all movies, as published: a look and no feature."""
    ran = study.run(Variant("bias"), upto="split")
    items = pd.read_parquet(ran.file(paths.ITEMS))
    numbers = movie_numbers.movie_numbers(items, zero_is_missing=False)
    gone = movie_numbers.dropped(movie_numbers.correlations(numbers))
    left = numbers.drop(columns=gone)
    needed = movie_numbers.components(left).needed
    shown = (
        f"Dropped beside a column that they follow: {', '.join(gone) or 'none'}; {needed} "
        f"components of the other {left.shape[1]} hold {100 * movie_numbers.VARIANCE:.0f} % of "
        "the variance."
    )
    return [Result(row="d_pca", shown=shown)]


def _known(items: pd.DataFrame, column: str) -> int:
    return int(items[column].notna().sum()) if column in items else 0


def _missing(items: pd.DataFrame, column: str) -> int:
    return len(items) - _known(items, column)


def _distinct(items: pd.DataFrame, column: str) -> int:
    return items[column].explode().nunique() if column in items else 0


def _folds(study: Study) -> list[Result]:
    """Means over the folds, as published and corrected."""
    told = []
    for variant in (_untrained(_ROWS["d_dnn"][0]), Variant("dnn")):
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
    """Bars of every model, published networks with the fault and without, corrected ones."""
    bars: dict[str, dict[str, float]] = {}
    for network, corrected in _ROWS.values():
        for name, variant in {
            f"{network.model}, as published": _untrained(network),
            network.model: network,
            **{model: Variant(model) for model in corrected},
        }.items():
            measured = study.measure(variant)
            bars[name] = {m: measured.estimate(m).value for m in ("mae", "rmse", "r2")}
    worst = min(bars, key=lambda name: bars[name]["r2"])
    best = max(bars, key=lambda name: bars[name]["r2"])
    told = f"R² from {bars[worst]['r2']:.2f} (`{worst}`) to {bars[best]['r2']:.2f} (`{best}`)."
    return [Result(row="d_figure", shown=told, files=(str(write_bars("tmdb_titles", bars)),))]
