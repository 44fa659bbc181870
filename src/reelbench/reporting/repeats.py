"""Models that were trained again: with other seeds, or on other windows or folds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from reelbench import params, paths
from reelbench.columns import REPEAT
from reelbench.evaluation.metrics import Metric, is_metric
from reelbench.evaluation.significance import ALPHA
from reelbench.files import read_json_if_any
from reelbench.reporting.comparisons import compared_metrics
from reelbench.reporting.tables import Cell, Column, Table, number

#: title, text and table
Section = tuple[str, str, Table]

_TEXTS = {
    "seeds": "Models whose fit depends on the seed were trained with {n} seeds; the deviation is "
    "that of a single training. Another seed alone changes a figure by about as much.",
    "windows": "{n} test periods, one after the other: each is predicted from what came before. "
    "Windows differ in more than chance, so the deviation is no error of the mean.",
    "folds": "Every one of {n} folds is test once. Their train parts have most ratings in common, "
    "so the deviation understates what other ratings would change.",
}
_COLD = "Shares of test users, test movies and test ratings without a rating of the user or movie "
_VERDICT = (
    "Every model against the best one by mean, window by window: Student's t of the {n} "
    "differences, {df} degrees of freedom, intervals and p after Bonferroni's correction for "
    "{others} comparisons per metric. {n} windows are few, and they share train ratings: only "
    "differences that all windows show can be told from chance, and undecided does not mean equal."
)


@dataclass(frozen=True)
class Repeats:
    """Repetitions of the models of the leaderboard, in its order."""

    #: content of `paths.repeats` by model: only models that were repeated, all of one kind
    records: Mapping[str, Mapping[str, Any]]
    k: int

    @property
    def kind(self) -> str:
        """`seeds`, `windows` or `folds`."""
        return str(next(iter(self.records.values()))["kind"])

    @property
    def numbers(self) -> list[str]:
        """Numbers of the repetitions, from 1."""
        return list(map(str, sorted(map(int, next(iter(self.records.values()))["values"]))))

    def values(self, metric: Metric) -> dict[str, list[float]]:
        """Value of every repetition by model; only of models that always have one."""
        return {
            model: [record["values"][number][metric.key] for number in self.numbers]
            for model, record in self.records.items()
            if metric.key in record["mean"]
        }

    @property
    def sections(self) -> list[Section]:
        """What the report shows."""
        metrics = [m for m in compared_metrics(self.k) if self.values(m)]
        n, one = len(self.numbers), self.kind.removesuffix("s")
        text = _TEXTS[self.kind].format(n=n)
        found = [(f"Repetitions: {m.title} by {one}", text, self._by_number(m)) for m in metrics]
        if self.kind != "seeds":
            found.append((f"Repetitions: cold shares by {one}", _COLD + "in train.", self._cold()))
        rows = [row for m in metrics for row in paired_verdicts(self.values(m), m)]
        if self.kind == "windows" and rows:
            others = max(len(self.values(metric)) for metric in metrics) - 1
            told = _VERDICT.format(n=n, df=n - 1, others=others)
            titles = ["metric", "model", "best", "model minus best", "corrected 95 %", "p"]
            table = Table([*titles, "verdict"], "lllrrrl", rows)
            found.append(("Repetitions: verdict over windows", told, table))
        return found

    def _by_number(self, metric: Metric) -> Table:
        titles = ["model", *(f"{self.kind.removesuffix('s')} {n}" for n in self.numbers)]
        rows = []
        for model, own in self.values(metric).items():
            summary = [float(np.mean(own)), float(np.std(own, ddof=1))]
            rows.append([model, *(number(value, metric.digits) for value in [*own, *summary])])
        titles += ["mean", "deviation"]
        return Table(titles, "l" + "r" * (len(titles) - 1), rows)

    def _cold(self) -> Table:
        shares = next(iter(self.records.values()))["cold"]
        rows = [
            [n, *(f"{shares[n][of]:.1%}" for of in ("users", "items", "rows"))]
            for n in self.numbers
        ]
        return Table([self.kind.removesuffix("s"), "users", "movies", "ratings"], "lrrr", rows)

    def marked(self, model: str, columns: Sequence[Column], cells: Sequence[Cell]) -> list[Cell]:
        """Cells of a row of the leaderboard, with the deviation over seeds where there is one."""
        spread = self.records.get(model, {}).get("deviation", {}) if self.kind == "seeds" else {}
        return [
            replace(cell, text=f"{cell.text} ± {number(spread[column.key], column.digits)}")
            if column.key in spread
            else cell
            for column, cell in zip(columns, cells, strict=True)
        ]

    def frame(self) -> pd.DataFrame:
        """Content of `reports/repeats.csv`, a row per model, repetition and metric."""
        rows = [
            (model, self.kind, int(n), key, record["values"][n][key])
            for model, record in self.records.items()
            for n in self.numbers
            for key in sorted(filter(is_metric, record["values"][n]))
        ]
        return pd.DataFrame(rows, columns=["model", "kind", REPEAT, "metric", "value"])


def paired_verdicts(values: Mapping[str, Sequence[float]], metric: Metric) -> list[list[str]]:
    """Every model against the best one by mean over windows, as rows of texts.

    Args:
        values: by model one value per window, in the same order.
    """
    from scipy.special import stdtr, stdtrit  # the distribution of Student's t and its inverse

    table = {model: np.asarray(own, dtype=float) for model, own in values.items()}
    best = min(table, key=lambda model: metric.loss(0.0, float(table[model].mean())))
    found, others = [], len(table) - 1
    for model, own in table.items():
        if model == best:
            continue
        differences = own - table[best]
        n, mean = len(own), float(differences.mean())
        error = float(differences.std(ddof=1)) / np.sqrt(n)
        half = error * float(stdtrit(n - 1, 1 - ALPHA / others / 2))
        p = 2 * float(stdtr(n - 1, -abs(mean) / error)) if error else float(mean == 0)
        verdict = "worse" if abs(mean) > half else "undecided"
        low, high = (f"{bound:+.{metric.digits}f}" for bound in (mean - half, mean + half))
        told = [f"{mean:+.{metric.digits}f}", f"[{low}, {high}]", f"{min(1.0, p * others):.3f}"]
        found.append([metric.title, model, best, *told, verdict])
    return found


def read_repeats(models: Iterable[str], k: int) -> Repeats | None:
    """Repetitions of the models that the parameters repeat; None without any.

    Args:
        models: names in the order of the leaderboard.
        k: cutoff of its ranking metrics.
    """
    repeated = params.read()["repeat"]["models"]
    files = {model: paths.repeats(model) for model in models if model in repeated}
    records = {model: read_json_if_any(file) for model, file in files.items()}
    found = {model: record for model, record in records.items() if record.get("values")}
    return Repeats(found, k) if found else None


def read_seed_tables(models: Iterable[str]) -> dict[str, list[pd.DataFrame]]:
    """Per-user tables of further seeds by model, without the pipeline's own; empty without any."""
    found = {}
    repeats = read_repeats(models, 1)
    for model, record in repeats.records.items() if repeats and repeats.kind == "seeds" else ():
        rows = pd.read_parquet(paths.repeats_per_user(model))
        further = [number for number in map(int, record["values"]) if number != record["own"]]
        by_number = {n: rows[rows[REPEAT] == n].drop(columns=REPEAT) for n in further}
        found[model] = [table.reset_index(drop=True) for table in by_number.values()]
    return found
