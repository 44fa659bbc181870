"""The registry of metrics, `METRICS`: their functions and what `metrics.yaml` states of them.

Evaluation, significance, leaderboard, gate, tuning, MLflow, app and figures read it. To add a
metric, write a function and add an entry to the file; nothing else names metrics one by one.

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

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import yaml
from pydantic import AfterValidator
from scipy import sparse

from reelbench.evaluation.beyond_accuracy import RecommendedLists
from reelbench.evaluation.ranking_metrics import gains_of, hits_of
from reelbench.params import nearest

_TOLD = yaml.safe_load(Path(__file__).with_name("metrics.yaml").read_text(encoding="utf-8"))
_KEY = re.compile(r"(?P<name>.+)_at_(?P<cutoff>[1-9][0-9]*)")


class UnknownMetricError(ValueError):
    """A key that is no metric's, or whose metric cannot be used for the purpose."""


@dataclass(frozen=True)
class Metric:
    """A metric, or a metric at a cutoff."""

    key: str  # name in files, tables and parameters, such as `rmse` or `ndcg_at_10`
    title: str  # name for readers, such as `nDCG@10`
    formula: str  # definition as text
    source: str  # where it is defined
    _: KW_ONLY
    function: Callable[..., Any]  # what computes it; each subclass says from what
    better: Literal["higher", "lower"] | None = "higher"  # which end is better; None: neither
    low: float = 0.0  # smallest possible value
    high: float = 1.0  # largest possible value
    digits: int = 4  # decimals shown
    leaderboard: bool = True  # whether it is a column of the leaderboard
    cutoff: int | None = None  # number of places that count; None without, or before `at`

    kind: ClassVar[str]  # `rating`, `ranking`, `beyond accuracy` or `calibration`
    at_cutoffs: ClassVar[bool]  # whether it is computed at every cutoff of `evaluate.k`
    per_user: ClassVar[bool]  # whether it has a value per user: models are compared in pairs then

    def __init_subclass__(cls, kind: str, at_cutoffs: bool = False, per_user: bool = True) -> None:
        cls.kind, cls.at_cutoffs, cls.per_user = kind, at_cutoffs, per_user

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
        """The best of at least one value; an UnknownMetricError if neither end is better."""
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


class RatingMetric(Metric, kind="rating"):
    """An error of predicted ratings, from `ErrorSums`: sums over ratings."""


class RankingMetric(Metric, kind="ranking", at_cutoffs=True):
    """The accuracy of a list per user: hits (n, k_max), relevant items (n,), cutoff → (n,)."""


@dataclass(frozen=True)
class GainMetric(Metric, kind="ranking", at_cutoffs=True):
    """The accuracy of a list per user where relevant items count differently.

    Its function maps the gain at every place (n, k_max), the gains of all relevant items as CSR (n,
    n_items) and a cutoff to (n,).
    """

    gains: str  # which gains, a key of `Task.gains`: `rating` or `propensity`


class WholeRankingMetric(Metric, kind="ranking"):
    """The accuracy of the whole ranking per user: `auc_terms`, relevant (n, n_items) → (n,)."""


class ListMetric(Metric, kind="beyond accuracy", at_cutoffs=True):
    """A property of a list per user: `RecommendedLists`, cutoff → (n,)."""


class VectorMetric(Metric, kind="beyond accuracy", at_cutoffs=True):
    """A property of a list per user and kind of item vector, such as `diversity_genres_at_10`.

    Its function maps lists (n, k_max), vectors (n_items, d) and a cutoff to (n,).
    """

    def by(self, vectors: str) -> Self:
        """The metric by one kind of vector, such as `genres`."""
        return replace(self, key=f"{self.key}_{vectors}", title=f"{self.title} by {vectors}")


class CatalogueMetric(Metric, kind="beyond accuracy", at_cutoffs=True, per_user=False):
    """A property of the lists of all users together: lists (n, k_max), n_items, cutoff → number."""


class CalibrationMetric(Metric, kind="calibration", per_user=False):
    """How far predicted ratings are from given ones by bins of the prediction."""


def _entry(key: str, told: Mapping[str, Any]) -> Metric:
    """A metric of `metrics.yaml`; its function is in a module of this package."""
    facts = {name: value for name, value in told.items() if name not in ("class", "function")}
    found = resolve_name(f"reelbench.evaluation.{told['function']}")
    metric: Metric = globals()[told["class"]](key=key, function=found, **facts)
    return metric


#: every metric by its key without cutoff, in the order of the leaderboard
METRICS = {key: _entry(key, told) for key, told in _TOLD.items()}


def metric_key(name: str, k: int) -> str:
    """Key of a metric at a cutoff.

    >>> metric_key("ndcg", 10)
    'ndcg_at_10'
    """
    return f"{name}_at_{k}"


def find(key: str) -> Metric:
    """The metric of a full key, such as `rmse`, `ndcg_at_10` or `diversity_genres_at_5`.

    An unknown key is an UnknownMetricError, which names the nearest key.
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
    for metric in METRICS.values():
        if isinstance(metric, VectorMetric) and name.startswith(f"{metric.key}_"):
            return metric.by(name.removeprefix(f"{metric.key}_"))
    found = METRICS.get(name)
    return None if isinstance(found, VectorMetric) else found


def _comparable(metric: Metric) -> Metric:
    if metric.better is None:
        why = "neither high nor low values are better"
        raise UnknownMetricError(f"'{metric.key}' cannot tell a better model: {why}")
    return metric


#: type of a parameter that names a metric by which models are compared; refuses any other name
ComparableKey = Annotated[str, AfterValidator(lambda key: _comparable(find(key)).key)]


# -- computing all metrics of a kind


def keys_of(kind: type[Metric]) -> list[str]:
    """Key of every metric of a kind, without cutoff."""
    return [metric.key for metric in METRICS.values() if isinstance(metric, kind)]


def values_of(kind: type[Metric], *inputs: Any, cutoffs: Iterable[int] = ()) -> dict[str, Any]:
    """Every metric of a kind, at every cutoff if it has any, by its key, from what it needs."""
    metrics = [METRICS[key] for key in keys_of(kind)]
    if not kind.at_cutoffs:
        return {metric.key: metric.function(*inputs) for metric in metrics}
    return {m.at(k).key: m.function(*inputs, k) for k in cutoffs for m in metrics}


def ranking_values(
    lists: np.ndarray, relevant: sparse.csr_array, cutoffs: Iterable[int]
) -> dict[str, np.ndarray]:
    """Every ranking metric at every cutoff by its key, float64 (n,) each.

    From lists, int (n, k_max), -1 for an empty place, and `relevant`, boolean CSR (n, n_items). A
    cutoff beyond the lists is a ValueError.
    """
    cutoffs = list(cutoffs)
    if max(cutoffs, default=0) > lists.shape[1]:
        raise ValueError(f"cutoff {max(cutoffs)} is beyond the lists of {lists.shape[1]} places")
    hits, n_relevant = hits_of(lists, relevant), np.diff(relevant.indptr)
    return values_of(RankingMetric, hits, n_relevant, cutoffs=cutoffs)


def gain_values(
    lists: np.ndarray, gains: Mapping[str, sparse.csr_array], cutoffs: Iterable[int]
) -> dict[str, np.ndarray]:
    """Every metric of gains at every cutoff (up to k_max) by its key, float64 (n,) each.

    From lists, int (n, k_max), -1 for an empty place, and gains by name, CSR (n, n_items); metrics
    of others are left out.
    """
    placed = {name: (gains_of(lists, all_gains), all_gains) for name, all_gains in gains.items()}
    return {
        metric.at(k).key: metric.function(*placed[metric.gains], k)
        for k in cutoffs
        for metric in METRICS.values()
        if isinstance(metric, GainMetric) and metric.gains in placed
    }


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
