"""The registry of metrics: one entry states everything that is known of a metric.

Evaluation, significance, leaderboard, gate, tuning, MLflow, app and figures read it. To add a
metric, write a function and add one entry to `METRICS`; nothing else names metrics one by one.

    >>> metric = find("ndcg_at_10")
    >>> metric.title, metric.better, metric.cutoff
    ('nDCG@10', 'higher', 10)
    >>> find("mse").best({"svd": 0.9, "bias": 1.0})
    'svd'
    >>> find("ndgc_at_10")
    Traceback (most recent call last):
    ...
    reelbench.evaluation.metrics.UnknownMetricError: unknown metric 'ndgc_at_10'; did you mean \
'ndcg_at_10'?
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import AfterValidator
from scipy import sparse

from reelbench.evaluation import (
    Flags,
    Floats,
    Ints,
    beyond_accuracy,
    ranking_metrics,
    rating_metrics,
)
from reelbench.evaluation.beyond_accuracy import RecommendedLists
from reelbench.evaluation.ranking_metrics import hits_of
from reelbench.evaluation.rating_metrics import CalibrationTable, ErrorSums
from reelbench.params import nearest

_INFINITY = float("inf")
_KEY = re.compile(r"(?P<name>.+)_at_(?P<cutoff>[1-9][0-9]*)")


class UnknownMetricError(ValueError):
    """A key that is no metric's, or whose metric cannot be used for the purpose."""


@dataclass(frozen=True)
class Metric:
    """A metric, or a metric at a cutoff.

    Attributes:
        key: name in files, tables and parameters, such as `rmse` or `ndcg_at_10`.
        title: name for readers, such as `nDCG@10`.
        better: which end is better; None where neither is.
        low: smallest possible value.
        high: largest possible value.
        formula: definition as text.
        source: where it is defined.
        digits: decimals shown.
        leaderboard: whether it is a column of the leaderboard.
        cutoff: number of places that count; None for a metric without, or before `at`.
        kind: what it applies to: `rating`, `ranking`, `beyond accuracy` or `calibration`.
        at_cutoffs: whether it is computed at every cutoff of `evaluate.k`.
        per_user: whether it has a value per user, so that models can be compared in pairs.
    """

    key: str
    title: str
    better: Literal["higher", "lower"] | None
    formula: str
    source: str
    _: KW_ONLY
    low: float = 0.0
    high: float = 1.0
    digits: int = 4
    leaderboard: bool = True
    cutoff: int | None = None

    kind: ClassVar[str]
    at_cutoffs: ClassVar[bool] = False
    per_user: ClassVar[bool] = True

    @property
    def higher_is_better(self) -> bool | None:
        """None where neither end is better."""
        return None if self.better is None else self.better == "higher"

    def at(self, k: int) -> Self:
        """The metric at a cutoff; a metric without cutoffs is returned as it is."""
        if not self.at_cutoffs:
            return self
        return replace(self, key=metric_key(self.key, k), title=f"{self.title}@{k}", cutoff=k)

    def extreme(self, values: Iterable[float]) -> float:
        """The best of at least one value.

        Raises:
            UnknownMetricError: neither end of the metric is better.
        """
        return min(values) if _comparable(self).better == "lower" else max(values)

    def best(self, values: Mapping[str, float]) -> str | None:
        """The name with the best value, the first by name of equals; None without values."""
        if not values:
            return None
        top = self.extreme(values.values())
        return min(name for name, value in values.items() if value == top)

    def loss(self, base: float, new: float) -> float:
        """How much worse `new` is than `base`; negative for an improvement."""
        return new - base if _comparable(self).better == "lower" else base - new


@dataclass(frozen=True)
class RatingMetric(Metric):
    """An error of predicted ratings, a function of sums over ratings."""

    function: Callable[[ErrorSums], Floats]
    kind = "rating"


@dataclass(frozen=True)
class RankingMetric(Metric):
    """The accuracy of a list per user: hits (n, k_max), relevant items (n,), cutoff → (n,)."""

    function: Callable[[Flags, Ints, int], Floats]
    kind = "ranking"
    at_cutoffs = True


@dataclass(frozen=True)
class WholeRankingMetric(Metric):
    """The accuracy of the whole ranking per user: `auc_terms`, relevant (n, n_items) → (n,)."""

    function: Callable[[Floats, sparse.csr_array], Floats]
    kind = "ranking"


@dataclass(frozen=True)
class ListMetric(Metric):
    """A property of a list per user: lists, cutoff → (n,)."""

    function: Callable[[RecommendedLists, int], Floats]
    kind = "beyond accuracy"
    at_cutoffs = True


@dataclass(frozen=True)
class VectorMetric(Metric):
    """A property of a list per user and kind of item vector, such as `diversity_genres_at_10`.

    Its function maps lists (n, k_max), vectors (n_items, d) and a cutoff to (n,).
    """

    function: Callable[[Ints, Floats, int], Floats]
    kind = "beyond accuracy"
    at_cutoffs = True

    def by(self, vectors: str) -> Self:
        """The metric by one kind of vector, such as `genres`."""
        return replace(self, key=f"{self.key}_{vectors}", title=f"{self.title} by {vectors}")


@dataclass(frozen=True)
class CatalogueMetric(Metric):
    """A property of the lists of all users together: lists (n, k_max), n_items, cutoff → number."""

    function: Callable[[Ints, int, int], float]
    kind = "beyond accuracy"
    at_cutoffs = True
    per_user = False


@dataclass(frozen=True)
class CalibrationMetric(Metric):
    """How far predicted ratings are from given ones by bins of the prediction."""

    function: Callable[[CalibrationTable], float]
    kind = "calibration"
    per_user = False


_ENTRIES: tuple[Metric, ...] = (
    RatingMetric(
        key="rmse",
        title="RMSE",
        better="lower",
        high=_INFINITY,
        formula="√(Σ(predicted - given)² / n)",
        source="Herlocker et al., TOIS 2004",
        function=rating_metrics.rmse,
    ),
    RatingMetric(
        key="mae",
        title="MAE",
        better="lower",
        high=_INFINITY,
        formula="Σ|predicted - given| / n",
        source="Herlocker et al., TOIS 2004",
        function=rating_metrics.mae,
    ),
    RatingMetric(
        key="mse",
        title="MSE",
        better="lower",
        high=_INFINITY,
        formula="Σ(predicted - given)² / n",
        source="Herlocker et al., TOIS 2004",
        leaderboard=False,
        function=rating_metrics.mse,
    ),
    RatingMetric(
        key="r2",
        title="R²",
        better="higher",
        low=-_INFINITY,
        formula="1 - Σ(predicted - given)² / Σ(given - mean given)²",
        source="scikit-learn, r2_score",
        function=rating_metrics.r2,
    ),
    RatingMetric(
        key="explained_variance",
        title="explained variance",
        better="higher",
        low=-_INFINITY,
        formula="1 - Var(predicted - given) / Var(given)",
        source="scikit-learn, explained_variance_score",
        leaderboard=False,
        function=rating_metrics.explained_variance,
    ),
    RankingMetric(
        key="ndcg",
        title="nDCG",
        better="higher",
        formula="Σ hit_i / log2(i + 1) over the first k, over that of the best possible list",
        source="Järvelin and Kekäläinen, TOIS 2002, with binary gains",
        function=ranking_metrics.ndcg,
    ),
    RankingMetric(
        key="recall",
        title="recall",
        better="higher",
        formula="hits among the first k / relevant items",
        source="Herlocker et al., TOIS 2004",
        function=ranking_metrics.recall,
    ),
    RankingMetric(
        key="precision",
        title="precision",
        better="higher",
        formula="hits among the first k / k",
        source="Herlocker et al., TOIS 2004",
        function=ranking_metrics.precision,
    ),
    RankingMetric(
        key="map",
        title="MAP",
        better="higher",
        formula="Σ precision at the rank of each hit among the first k / relevant items",
        source="trec_eval, map_cut",
        function=ranking_metrics.average_precision,
    ),
    RankingMetric(
        key="map_capped",
        title="MAP over min(k, relevant)",
        better="higher",
        formula="Σ precision at the rank of each hit among the first k / min(k, relevant items)",
        source="Kaggle, MAP@k",
        leaderboard=False,
        function=ranking_metrics.average_precision_capped,
    ),
    RankingMetric(
        key="mrr",
        title="MRR",
        better="higher",
        formula="1 / rank of the first hit among the first k; 0 without a hit",
        source="Voorhees, TREC-8 1999",
        function=ranking_metrics.mrr,
    ),
    RankingMetric(
        key="hit_rate",
        title="hit rate",
        better="higher",
        formula="1 if any of the first k is relevant, else 0",
        source="Deshpande and Karypis, TOIS 2004",
        function=ranking_metrics.hit_rate,
    ),
    WholeRankingMetric(
        key="auc",
        title="AUC",
        better="higher",
        formula="share of pairs of a relevant and an irrelevant candidate in the right order",
        source="Rendle et al., UAI 2009",
        leaderboard=False,
        function=ranking_metrics.auc,
    ),
    ListMetric(
        key="novelty",
        title="novelty in bits",
        better="higher",
        high=_INFINITY,
        formula="mean over the first k of -log2(share of the users of train who rated the item)",
        source="Vargas and Castells, RecSys 2011; Zhou et al., PNAS 2010",
        leaderboard=False,
        function=lambda data, k: beyond_accuracy.novelty(data.lists, data.information, k),
    ),
    ListMetric(
        key="popularity_lift",
        title="popularity lift",
        better=None,
        low=-1.0,
        high=_INFINITY,
        formula="mean popularity of the first k / that of the user's items in train, minus 1",
        source="Abdollahpouri et al., RecSys 2020",
        leaderboard=False,
        function=lambda data, k: beyond_accuracy.popularity_lift(
            data.lists, data.counts, data.profile, k
        ),
    ),
    VectorMetric(
        key="diversity",
        title="diversity",
        better="higher",
        high=2.0,
        formula="mean of 1 - cosine over all pairs among the first k",
        source="Smyth and McClave, ICCBR 2001; Ziegler et al., WWW 2005",
        leaderboard=False,
        function=beyond_accuracy.diversity,
    ),
    CatalogueMetric(
        key="coverage",
        title="coverage",
        better="higher",
        formula="items among the first k of at least one user / items of the catalogue",
        source="Ge et al., RecSys 2010",
        function=beyond_accuracy.coverage,
    ),
    CatalogueMetric(
        key="gini",
        title="Gini coefficient",
        better="lower",
        formula="Σ(2i - n - 1)·x_i / (n·Σx), x_i the ascending numbers of times items are shown",
        source="Fleder and Hosanagar, Management Science 2009",
        leaderboard=False,
        function=beyond_accuracy.gini,
    ),
    CalibrationMetric(
        key="calibration_error",
        title="calibration error",
        better="lower",
        high=_INFINITY,
        formula="Σ_b n_b/n · |mean predicted - mean given| over bins b of the predicted rating",
        source="Naeini et al., AAAI 2015; Guo et al., ICML 2017",
        leaderboard=False,
        function=rating_metrics.calibration_error,
    ),
)

#: every metric by its key without cutoff, in the order of the leaderboard
METRICS: dict[str, Metric] = {metric.key: metric for metric in _ENTRIES}


def metric_key(name: str, k: int) -> str:
    """Key of a metric at a cutoff.

    >>> metric_key("ndcg", 10)
    'ndcg_at_10'
    """
    return f"{name}_at_{k}"


def find(key: str) -> Metric:
    """The metric of a full key, such as `rmse`, `ndcg_at_10` or `diversity_genres_at_5`.

    Raises:
        UnknownMetricError: no metric has this key; the message names the nearest key.
    """
    matched = _KEY.fullmatch(key)
    name, k = (matched["name"], int(matched["cutoff"])) if matched else (key, None)
    metric = _named(name)
    if metric is None or metric.at_cutoffs != (k is not None):
        raise UnknownMetricError(f"unknown metric '{key}'{nearest(key, known_keys([k or 10]))}")
    return metric if k is None else metric.at(k)


def is_metric(key: str) -> bool:
    """Whether a key, such as one of a metrics file, is that of a metric and not of a count."""
    try:
        find(key)
    except UnknownMetricError:
        return False
    return True


def known_keys(cutoffs: Iterable[int], vectors: Iterable[str] = ("genres",)) -> list[str]:
    """Full key of every metric at every cutoff, in the order of the registry."""
    cutoffs, vectors = list(cutoffs), list(vectors)
    keys = []
    for metric in METRICS.values():
        variants = [metric.by(v) for v in vectors] if isinstance(metric, VectorMetric) else [metric]
        for variant in variants:
            keys += [variant.at(k).key for k in cutoffs] if metric.at_cutoffs else [variant.key]
    return keys


def leaderboard_metrics(k: int) -> list[Metric]:
    """The metrics that are columns of the leaderboard, at its cutoff."""
    return [metric.at(k) for metric in METRICS.values() if metric.leaderboard]


def _named(name: str) -> Metric | None:
    """The metric of a key without cutoff."""
    for metric in METRICS.values():
        if isinstance(metric, VectorMetric):
            if name.startswith(f"{metric.key}_"):
                return metric.by(name.removeprefix(f"{metric.key}_"))
        elif metric.key == name:
            return metric
    return None


def _comparable(metric: Metric) -> Metric:
    if metric.better is None:
        raise UnknownMetricError(
            f"'{metric.key}' cannot tell a better model: neither high nor low values are better"
        )
    return metric


#: type of a parameter that names a metric by which models are compared; refuses any other name
ComparableKey = Annotated[str, AfterValidator(lambda key: _comparable(find(key)).key)]


# -- computing all metrics of a kind


def rating_keys() -> list[str]:
    """Key of every rating metric."""
    return [key for key, metric in METRICS.items() if isinstance(metric, RatingMetric)]


def rating_values(sums: ErrorSums) -> dict[str, np.ndarray]:
    """Every rating metric by its key, float64 of the shape of the sums."""
    return {m.key: m.function(sums) for m in METRICS.values() if isinstance(m, RatingMetric)}


def ranking_values(
    lists: np.ndarray, relevant: sparse.csr_array, cutoffs: Iterable[int]
) -> dict[str, np.ndarray]:
    """Every ranking metric at every cutoff by its key, float64 (n,) each.

    Args:
        lists: int (n, k_max) item indices, -1 for an empty place.
        relevant: boolean CSR (n, n_items).
        cutoffs: numbers up to k_max.

    Raises:
        ValueError: a cutoff beyond the lists.
    """
    cutoffs = list(cutoffs)
    if max(cutoffs, default=0) > lists.shape[1]:
        raise ValueError(f"cutoff {max(cutoffs)} is beyond the lists of {lists.shape[1]} places")
    return hit_values(hits_of(lists, relevant), np.diff(relevant.indptr), cutoffs)


def hit_values(hits: Flags, n_relevant: Ints, cutoffs: Iterable[int]) -> dict[str, np.ndarray]:
    """`ranking_values` from hits, bool (n, k_max), and the number of relevant items, (n,)."""
    return {
        metric.at(k).key: metric.function(hits, n_relevant, k)
        for k in cutoffs
        for metric in METRICS.values()
        if isinstance(metric, RankingMetric)
    }


def whole_ranking_values(terms: np.ndarray, relevant: sparse.csr_array) -> dict[str, np.ndarray]:
    """Every metric of the whole ranking by its key, float64 (n,) each.

    Args:
        terms: float64, one per stored entry of `relevant`, see `top_k.Lists`.
        relevant: boolean CSR (n, n_items).
    """
    metrics = (m for m in METRICS.values() if isinstance(m, WholeRankingMetric))
    return {metric.key: metric.function(terms, relevant) for metric in metrics}


def list_values(data: RecommendedLists, cutoffs: Iterable[int]) -> dict[str, np.ndarray]:
    """Every property of a list at every cutoff by its key, float64 (n,) each."""
    found = {}
    for k in cutoffs:
        for metric in METRICS.values():
            if isinstance(metric, ListMetric):
                found[metric.at(k).key] = metric.function(data, k)
            elif isinstance(metric, VectorMetric):
                for name, vectors in data.vectors.items():
                    found[metric.by(name).at(k).key] = metric.function(data.lists, vectors, k)
    return found


def catalogue_values(
    lists: np.ndarray, n_items: int, cutoffs: Iterable[int]
) -> dict[str, float | None]:
    """Every property of all lists together by its key; None where it is not defined."""
    found: dict[str, float | None] = {}
    for k in cutoffs:
        for metric in METRICS.values():
            if isinstance(metric, CatalogueMetric):
                value = metric.function(lists, n_items, k)
                found[metric.at(k).key] = None if np.isnan(value) else value
    return found


def calibration_values(table: CalibrationTable | None) -> dict[str, float | None]:
    """Every calibration metric by its key; None for a model that only ranks."""
    metrics = (m for m in METRICS.values() if isinstance(m, CalibrationMetric))
    return {metric.key: None if table is None else metric.function(table) for metric in metrics}
