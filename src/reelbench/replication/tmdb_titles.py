"""System D: the mean vote of movies that nobody in train has rated, from an id and a title."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.columns import DIRECTOR, GENRES, ITEM_IDX, KEYWORDS, RATING, TAGLINE, YEAR
from reelbench.features.block import read_block
from reelbench.files import read_json
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
# of the variance, that principal components are to hold
_VARIANCE = 0.95


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
    """How many principal components the numbers of train have; the models read the numbers."""
    ran = study.run(Variant("dnn"))
    train = pd.read_parquet(ran.file(paths.TRAIN), columns=[ITEM_IDX])[ITEM_IDX].unique()
    block = read_block(ran.file(paths.feature_block("numeric")))
    numbers, names = block["numeric"][train], block["columns"]
    correlation = np.corrcoef(numbers, rowvar=False)
    first, second = np.unravel_index(np.argmax(np.triu(np.abs(correlation), 1)), correlation.shape)
    explained = np.cumsum(np.linalg.eigvalsh(correlation)[::-1]) / len(names)
    needed = int(np.searchsorted(explained, _VARIANCE)) + 1
    shown = (
        f"{needed} components of {len(names)} numbers hold {100 * explained[needed - 1]:.0f} % of "
        f"their variance; the largest correlation is {correlation[first, second]:.2f}, of "
        f"{names[first]} and {names[second]}."
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
