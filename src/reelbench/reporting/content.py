"""What the report says, apart from how it looks: shared by the Markdown and the page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reelbench.columns import COHORT, COHORT_BY, N_TEST
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.significance import ALPHA, RESAMPLES_PER_COMPARISON
from reelbench.faults import Fault, warning
from reelbench.provenance import Provenance
from reelbench.reporting import tables
from reelbench.reporting.comparisons import Pair, against_best, compared_metrics
from reelbench.reporting.dataset import Dataset
from reelbench.reporting.lists import Lists
from reelbench.reporting.networks import Network
from reelbench.reporting.published import SOURCES, Published
from reelbench.reporting.rare_items import RareItems, RareRow
from reelbench.reporting.replication import Replication
from reelbench.reporting.results import Result
from reelbench.reporting.tables import Cell, Column
from reelbench.reporting.tuning import Tuning
from reelbench.reporting.verdict import BASELINE, Verdict


@dataclass(frozen=True)
class Content:
    """Everything that is reported, models in the order of the leaderboard."""

    dataset: Dataset
    split_name: str
    results: Sequence[Result]
    verdicts: Sequence[Verdict]
    config: EvaluateConfig
    rare: RareItems
    pairs: Sequence[Pair] = ()
    protocol: str | None = None
    published: Sequence[Published] = ()
    tuning: Tuning | None = None
    replications: Sequence[Replication] = ()
    faults: Collection[Fault] = ()
    lists: Lists | None = None
    provenance: Provenance | None = None
    networks: Sequence[Network] = ()

    @property
    def k(self) -> int:
        """Cutoff of the leaderboard: the first that is configured."""
        return self.config.k[0]

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Columns of the leaderboard: metrics, then costs."""
        return tables.metric_columns(self.k) + tables.COSTS

    @cached_property
    def rows(self) -> list[tuple[str, list[Cell]]]:
        """Model, marked with the faults that are on, and cells of every row of the leaderboard."""
        cells = tables.cells(self.results, self.columns)
        mark = f" [{', '.join(sorted(self.faults))}]" if self.faults else ""
        return [(result.name + mark, row) for result, row in zip(self.results, cells, strict=True)]

    @property
    def warning(self) -> str:
        """What is wrong with the protocol; empty for an honest one."""
        return warning(self.faults)

    @property
    def counts(self) -> dict[str, Any]:
        """Metrics of the first model, for the counts in them: the test part is the same for all."""
        return self.results[0].metrics

    @property
    def cold(self) -> str:
        """How much of the test part is cold."""
        counts, cohorts = self.counts, self.counts["cohorts"]
        return (
            f"Cold (no rating in train): {counts['cold_users']:,} of {counts['n_test_users']:,} "
            f"test users, with {cohorts['cold_users']['ratings']:,} of {counts['n_test']:,} test "
            f"ratings; {counts['cold_items']:,} movies, with {cohorts['cold_items']['ratings']:,} "
            "test ratings. They count in every figure."
        )

    @property
    def relevance(self) -> str:
        """What the ranking metrics look for, and in how much."""
        minimum = self.config.min_relevant_rating
        rule = "Every test rating" if minimum is None else f"A test rating of {minimum:g} or more"
        left_out = self.counts["n_users_without_relevant"]
        pool = (
            f"the full catalogue of {len(self.dataset.items):,} movies"
            if self.config.candidates == "catalogue"
            else "all movies of train"
        )
        order = " by predicted rating" if self.config.rank_by == "prediction" else ""
        without = f"; {left_out:,} test users without one are left out" if left_out else ""
        return (
            f"{rule} counts as relevant{without}. Rankings{order} are over {pool} less those that "
            "the user rated in train or valid."
        )

    @property
    def better(self) -> str:
        """What the word means here."""
        return (
            f"“Better” means: significantly lower RMSE than {BASELINE} in a paired bootstrap over "
            f"users ({self._resamples}, p < {ALPHA:g} after Holm's "
            "correction for the number of models). Whether two intervals overlap says little."
        )

    @property
    def real(self) -> str:
        """What a difference has to be to count."""
        return (
            "Every model against every other, by a paired bootstrap over users "
            f"({self._resamples}); p-values after Holm's correction for all pairs of a metric. A "
            f"difference counts as real where p < {ALPHA:g}. Listed here: every model less the "
            "best of the metric; all pairs are in reports/comparisons.csv."
        )

    @property
    def _resamples(self) -> str:
        samples = self.config.bootstrap_samples
        return (
            f"{samples:,} resamples, or {RESAMPLES_PER_COMPARISON} per comparison if that is more"
        )

    @cached_property
    def best_pairs(self) -> list[Pair]:
        """Every model against the best of each metric."""
        return against_best(self.results, self.pairs)

    @property
    def rare_title(self) -> str:
        """Which movies are rare."""
        limit = self.rare.limit
        return f"Movies with at most {limit} train rating{'' if limit == 1 else 's'}"

    @property
    def rare_note(self) -> str:
        """How much of the test part is of rare movies, and how models are compared on it."""
        rare, title = self.rare, self.rare_title
        if not rare.n_ratings:
            return f"{title}: the test part has no rating of any."
        size = (
            f"{title} have {rare.n_ratings:,} of {self.counts['n_test']:,} test ratings: "
            f"{rare.n_items:,} movies, {rare.n_users:,} users."
        )
        if not rare.rows:
            return f"{size} No model here predicts ratings."
        return (
            f"{size} RMSE on these ratings, less that of {BASELINE} by a paired bootstrap over "
            f"these users ({self._resamples}); p-values after Holm's correction for the number of "
            "models."
        )

    @property
    def published_note(self) -> str:
        """Where the published rows are from."""
        source = SOURCES.get(self.protocol or "", "")
        return f"Published, not run here: figures of others for this protocol ({source})."

    @cached_property
    def published_columns(self) -> tuple[Column, ...]:
        """Columns of the leaderboard that a published row has a value of."""
        known = {key for row in self.published for key in row.values}
        return tuple(column for column in self.columns if column.key in known)

    @property
    def published_titles(self) -> list[str]:
        """Titles of their columns, the name's included."""
        return ["algorithm", *(column.title for column in self.published_columns)]

    @property
    def published_rows(self) -> list[list[str]]:
        """Name and figures of every published row, as text."""
        keys = [column.key for column in self.published_columns]
        return [
            [row.algorithm, *(tables.number(row.values.get(key), 6) for key in keys)]
            for row in self.published
        ]

    def cohort_tables(self) -> list[CohortTable]:
        """RMSE and nDCG by cohort, a table per metric and division of the ratings."""
        shown = [result for result in self.results if len(result.cohorts)]
        if not shown:
            return []
        return [
            table
            for by in dict.fromkeys(shown[0].cohorts[COHORT_BY])
            for metric in compared_metrics(self.k)
            if (table := _cohort_table(shown, by, metric.key, metric.title)).rows
        ]

    @property
    def machine(self) -> str:
        """What the costs were measured on."""
        machines = [r.train_cost["machine"] for r in self.results if "machine" in r.train_cost]
        where = f" on {_machine(machines[0])}" if machines else ""
        return (
            f"Costs are those of one run{where}, and the only figures here that differ from run to "
            "run. Peak MB is the resident memory of training, libraries included."
        )

    def verdict_groups(self) -> list[tuple[str, list[Verdict]]]:
        """Verdicts under a heading each; headings without models are left out."""
        groups = {
            f"Better than {BASELINE}": [v for v in self.verdicts if v.is_better],
            f"No difference from {BASELINE} shown": [
                v for v in self.verdicts if not (v.is_better or v.is_worse)
            ],
            f"Worse than {BASELINE}": [v for v in self.verdicts if v.is_worse],
        }
        return [(heading, group) for heading, group in groups.items() if group]


@dataclass(frozen=True)
class CohortTable:
    """One metric of every model for the parts of one division.

    Attributes:
        title: such as `RMSE by genre`.
        columns: name and number of test ratings of every cohort.
        rows: model and its values as text.
    """

    title: str
    columns: list[tuple[str, int]]
    rows: list[tuple[str, list[str]]]


def _cohort_table(results: Sequence[Result], by: str, key: str, title: str) -> CohortTable:
    rows = []
    for result in results:
        part = result.cohorts[result.cohorts[COHORT_BY] == by]
        if not part[key].isna().all():
            values = [tables.MISSING if value != value else f"{value:.4f}" for value in part[key]]
            rows.append((result.name, values))
    first = results[0].cohorts
    part = first[first[COHORT_BY] == by]
    columns = list(zip(part[COHORT], part[N_TEST].astype(int), strict=True))
    return CohortTable(f"{title} by {by}", columns, rows)


def describe_pair(pair: Pair) -> list[str]:
    """Cells of a row: the two models, difference, interval, p-value, and which one is better."""
    difference, low, high, _ = pair.comparison
    return [
        pair.first,
        pair.second,
        f"{difference:+.4f}",
        f"[{low:+.4f}, {high:+.4f}]",
        f"{pair.p_corrected:.3f}",
        pair.better or "no difference shown",
    ]


def describe_rare(row: RareRow) -> list[str]:
    """Cells of a row: model, RMSE, difference, interval, p-value, and who is better."""
    if row.verdict is None:
        return [row.model, f"{row.rmse:.4f}", *[tables.MISSING] * 4]
    difference, low, high, _ = row.verdict.comparison
    return [
        row.model,
        f"{row.rmse:.4f}",
        f"{difference:+.4f}",
        f"[{low:+.4f}, {high:+.4f}]",
        f"{row.verdict.p_corrected:.3f}",
        row.better or "no difference shown",
    ]


def describe(verdict: Verdict) -> str:
    """Difference with its interval and p-value, such as `-0.0123 [-0.0150, -0.0099], p = 0.004`."""
    difference, low, high, _ = verdict.comparison
    return f"{difference:+.4f} [{low:+.4f}, {high:+.4f}], p = {verdict.p_corrected:.3f}"


def _machine(machine: dict[str, Any]) -> str:
    cpu = machine.get("cpu", "an unknown processor")
    threads = machine.get("threads")
    return f"{cpu} with {threads} threads" if threads else str(cpu)
