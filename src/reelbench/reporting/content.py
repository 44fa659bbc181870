"""What is reported, in words and tables: shared by the Markdown and the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from reelbench.columns import COHORT, COHORT_BY, N_TEST
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.metrics import Metric, find, leaderboard_metrics
from reelbench.evaluation.significance import Pair, p_equation
from reelbench.faults import warning
from reelbench.provenance import Provenance
from reelbench.reporting import tables
from reelbench.reporting.comparisons import (
    BASELINE,
    RareItems,
    against_best,
    best_of,
    compared_metrics,
    having,
)
from reelbench.reporting.dataset import Dataset
from reelbench.reporting.lists import Lists
from reelbench.reporting.repeats import Repeats
from reelbench.reporting.results import SOURCES, Published, Replication, Result
from reelbench.reporting.tables import Cell, Column, Table, number
from reelbench.reporting.tuning import Tuning

#: instead of the better model
NONE = "not significant"


@dataclass(frozen=True)
class Content:
    """Everything that is reported, models in the order of the leaderboard."""

    dataset: Dataset
    split_name: str
    results: Sequence[Result]
    verdicts: Sequence[Pair]
    config: EvaluateConfig
    rare: RareItems
    pairs: Sequence[Pair] = ()
    protocol: str | None = None
    published: Sequence[Published] = ()
    tuning: Tuning | None = None
    repeats: Repeats | None = None
    replications: Sequence[Replication] = ()
    lists: Lists | None = None
    provenance: Provenance | None = None
    #: reason by model that the budget had no room for
    skipped: Mapping[str, str] = field(default_factory=dict)
    mispredicted: Table | None = None

    @property
    def k(self) -> int:
        """Cutoff of the leaderboard: the first that is configured."""
        return self.config.k[0]

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Columns of the leaderboard: metrics, then costs.

        Published figures at another cutoff of this run are worth a column too.
        """
        shown = leaderboard_metrics(self.k)
        known = {key for row in self.published for key in row.values} - {m.key for m in shown}
        more = [metric for key in sorted(known) if (metric := find(key)).cutoff in self.config.k]
        return (*shown, *more, *tables.COSTS)

    @cached_property
    def rows(self) -> list[tuple[str, list[Cell]]]:
        """Model, marked with its faults, and cells of every row of the leaderboard."""
        names = [r.name + f" [{', '.join(r.faults)}]" * bool(r.faults) for r in self.results]
        cells = list(tables.cells(self.results, self.columns))
        if self.repeats:
            mark, columns = self.repeats.marked, self.columns
            cells = [mark(r.name, columns, own) for r, own in zip(self.results, cells, strict=True)]
        rows = list(zip(names, cells, strict=True))
        none = [Cell(tables.MISSING)] * len(self.columns)
        return rows + [(f"{name} (skipped: {why})", none) for name, why in self.skipped.items()]

    @property
    def networks(self) -> list[Result]:
        """The models that are a network."""
        return [result for result in self.results if result.layers]

    @property
    def warning(self) -> str:
        """What is wrong with the protocol; empty for an honest one."""
        return warning({fault for result in self.results for fault in result.faults})

    @property
    def counts(self) -> dict[str, Any]:
        """Metrics of the first model, for the counts in them: the test part is the same for all."""
        return self.results[0].metrics

    @cached_property
    def best(self) -> list[tuple[Metric, str, str, list[str]]]:
        """Ranking, then ratings: metric, best model, its value, and which are within noise of it.

        A metric that no model has is left out.
        """
        found, pairs = [], against_best(self.results, self.pairs)
        for metric in reversed(compared_metrics(self.k)):
            if own := having(self.results, metric):
                name = best_of(own, metric)
                value = next(r.metrics[metric.key] for r in own if r.name == name)
                tied = [p.first for p in pairs if p.metric == metric and p.better is None]
                found.append((metric, name, number(value, metric.digits), tied))
        return found

    @cached_property
    def best_table(self) -> Table:
        """Every model against the best of each metric."""
        titles = ["metric", "model", "best", "model minus best", "95 %", "p", "better"]
        rows = [
            [pair.metric.title, pair.first, pair.second, *pair.texts, pair.better or NONE]
            for pair in against_best(self.results, self.pairs)
        ]
        return Table(titles, "lllrrrl", rows)

    @cached_property
    def rare_table(self) -> Table:
        """Every rating model on rare movies, compared with the baseline."""
        metric = find("rmse")
        titles = ["model", metric.title, f"minus {BASELINE}", "95 %", "p", "better"]
        rows = []
        for model, rmse, pair in self.rare.rows:
            compared = [*pair.texts, pair.better or NONE] if pair else [tables.MISSING] * 4
            rows.append([model, number(rmse, metric.digits), *compared])
        return Table(titles, "lrrrrl", rows)

    @property
    def source(self) -> str:
        """Where the published rows are from."""
        return SOURCES.get(self.protocol or "", "")

    @cached_property
    def published_table(self) -> Table:
        """The published rows: those columns of the leaderboard that at least one has."""
        known = {key for row in self.published for key in row.values}
        columns = [column for column in self.columns if column.key in known]
        rows = [
            [row.algorithm, *(number(row.values.get(c.key), row.digits) for c in columns)]
            for row in self.published
        ]
        titles = ["algorithm", *(column.title for column in columns)]
        return Table(titles, "l" + "r" * len(columns), rows)

    @cached_property
    def cohort_tables(self) -> dict[str, Table]:
        """RMSE and nDCG by cohort, a table per metric and kind of cohort, by its title.

        A column per cohort, and a row per model that has the metric.
        """
        shown = [result for result in self.results if len(result.cohorts)]
        found = {}
        for by in dict.fromkeys(shown[0].cohorts[COHORT_BY]) if shown else ():
            parts = {r.name: r.cohorts[r.cohorts[COHORT_BY] == by] for r in shown}
            sizes = parts[shown[0].name][[COHORT, N_TEST]].itertuples(index=False)
            titles = ["model", *(f"{name} ({ratings:,.0f} ratings)" for name, ratings in sizes)]
            for metric in compared_metrics(self.k):
                rows = [
                    [model, *(number(value, metric.digits) for value in part[metric.key])]
                    for model, part in parts.items()
                    if part[metric.key].notna().any()
                ]
                if rows:
                    table = Table(titles, "l" + "r" * (len(titles) - 1), rows)
                    found[f"{metric.title} by {by}"] = table
        return found

    @property
    def machine(self) -> dict[str, Any]:
        """Which machine the costs were measured on; empty where it is unknown."""
        return next(
            (r.train_cost["machine"] for r in self.results if "machine" in r.train_cost), {}
        )

    def verdict_groups(self) -> list[tuple[str, list[Pair]]]:
        """Comparisons with the baseline under a heading each; empty groups are left out."""
        headings = {
            f"Better than {BASELINE}": lambda pair: pair.better == pair.first,
            f"Not significantly different from {BASELINE}": lambda pair: pair.better is None,
            f"Worse than {BASELINE}": lambda pair: pair.better == BASELINE,
        }
        groups = {heading: list(filter(own, self.verdicts)) for heading, own in headings.items()}
        return [(heading, group) for heading, group in groups.items() if group]


def describe(pair: Pair) -> str:
    """Difference with its interval and p-value, such as `-0.0123 [-0.0150, -0.0099], p = 0.004`."""
    return "{} {}, ".format(*pair.texts) + p_equation(pair.p)
