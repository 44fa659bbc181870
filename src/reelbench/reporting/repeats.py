"""Models that were trained again: with other seeds, or on other windows or folds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from reelbench import params, paths
from reelbench.columns import REPEAT
from reelbench.evaluation.metrics import Metric, is_metric
from reelbench.evaluation.significance import ALPHA
from reelbench.files import read_json_if_any
from reelbench.reporting.comparisons import compared_metrics
from reelbench.reporting.results import Result
from reelbench.reporting.tables import Cell, Column, Table, number

_TEXTS = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
_COLD = ("users", "items", "rows")


@dataclass(frozen=True)
class Repeats:
    """Content of `paths.repeats` by model, in the order of the leaderboard: of one kind."""

    records: Mapping[str, Mapping[str, Any]]
    k: int  # cutoff of the leaderboard's ranking metrics

    @property
    def kind(self) -> str:
        """`seeds`, `windows` or `folds`."""
        return str(next(iter(self.records.values()))["kind"])

    @property
    def numbers(self) -> list[str]:
        """Numbers of the repetitions, ascending."""
        return sorted(next(iter(self.records.values()))["values"], key=int)

    def values(self, metric: Metric) -> dict[str, np.ndarray]:
        """Value of every repetition (n,) by model, of those that always have one."""
        key, having = metric.key, [m for m, r in self.records.items() if metric.key in r["mean"]]
        values = {model: self.records[model]["values"] for model in having}
        return {m: np.array([own[n][key] for n in self.numbers]) for m, own in values.items()}

    @property
    def sections(self) -> Iterator[tuple[str, str, Table]]:
        """Title, text and table of what the report shows."""
        found = {metric: own for metric in compared_metrics(self.k) if (own := self.values(metric))}
        n, one = len(self.numbers), self.kind.removesuffix("s")
        titles = ["model", *(f"{one} {i}" for i in self.numbers), "mean", "deviation"]
        for metric, values in found.items():
            summed = {m: (*own, own.mean(), own.std(ddof=1)) for m, own in values.items()}
            rows = [[m, *(number(v, metric.digits) for v in own)] for m, own in summed.items()]
            table = Table(titles, "l" + "r" * (n + 2), rows)
            yield f"Repetitions: {metric.title} by {one}", _TEXTS[self.kind].format(n=n), table
        if self.kind != "seeds":
            cold = next(iter(self.records.values()))["cold"]
            rows = [[i, *(f"{cold[i][of]:.1%}" for of in _COLD)] for i in self.numbers]
            table = Table([one, "users", "movies", "ratings"], "lrrr", rows)
            yield f"Repetitions: cold shares by {one}", _TEXTS["cold"], table
        if self.kind == "windows":
            for metric, values in ((m, own) for m, own in found.items() if len(own) > 1):
                text = _TEXTS["verdict"].format(n=n, df=n - 1, others=len(values) - 1)
                yield f"Repetitions: {metric.title}, verdict", text, paired_verdicts(values, metric)

    def mark(
        self, results: Sequence[Result], columns: Sequence[Column], rows: Sequence[list[Cell]]
    ) -> None:
        """Add the deviation over seeds to the rows of the leaderboard, where there is one."""
        for result, cells in zip(results, rows, strict=True):
            spread = self.records.get(result.name, {}).get("deviation", {})
            for place, column in enumerate(columns):
                if self.kind == "seeds" and column.key in spread:
                    text = f"{cells[place].text} ± {number(spread[column.key], column.digits)}"
                    cells[place] = replace(cells[place], text=text)

    def frame(self) -> pd.DataFrame:
        """Content of `reports/repeats.csv`, a row per model, repetition and metric."""
        rows = [
            (model, self.kind, int(n), key, record["values"][n][key])
            for model, record in self.records.items()
            for n in self.numbers
            for key in sorted(filter(is_metric, record["values"][n]))
        ]
        return pd.DataFrame(rows, columns=["model", "kind", REPEAT, "metric", "value"])


def paired_verdicts(values: Mapping[str, np.ndarray], metric: Metric) -> Table:
    """Every model against the best one by mean; values by window (n,) by model."""
    from scipy.special import stdtr, stdtrit  # Student's t, and its inverse

    best = min(values, key=lambda model: metric.loss(0.0, float(values[model].mean())))
    rows, others = [], len(values) - 1
    for model in (model for model in values if model != best):
        differences = values[model] - values[best]
        n, mean = len(differences), float(differences.mean())
        error = float(differences.std(ddof=1)) / np.sqrt(n)
        half = error * float(stdtrit(n - 1, 1 - ALPHA / others / 2))
        p = 2 * float(stdtr(n - 1, -abs(mean) / error)) if error else float(mean == 0)
        text, low, high = (f"{v:+.{metric.digits}f}" for v in (mean, mean - half, mean + half))
        verdict = "worse" if abs(mean) > half else "undecided"
        rows.append([model, best, text, f"[{low}, {high}]", f"{min(1.0, p * others):.3f}", verdict])
    titles = ["model", "best", "model minus best", "corrected 95 %", "p", "verdict"]
    return Table(titles, "llrrrl", rows)


def read_repeats(models: Iterable[str], k: int) -> Repeats | None:
    """Repetitions of those of the models that the parameters repeat; None without any."""
    repeated = params.read()["repeat"]["models"]
    records = {m: read_json_if_any(paths.repeats(m)) for m in models if m in repeated}
    found = {model: record for model, record in records.items() if record.get("values")}
    return Repeats(found, k) if found else None


def read_seed_tables(models: Iterable[str]) -> dict[str, list[pd.DataFrame]]:
    """Per-user tables by model of the seeds after the pipeline's own; empty without any."""
    repeats = read_repeats(models, 1)
    if repeats is None or repeats.kind != "seeds":
        return {}
    return {
        model: [
            table.drop(columns=REPEAT).reset_index(drop=True)
            for number, table in pd.read_parquet(paths.repeats_per_user(model)).groupby(REPEAT)
            if number != repeats.records[model]["own"]
        ]
        for model in repeats.records
    }
