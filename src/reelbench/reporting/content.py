"""What is reported, in words and tables: shared by the Markdown and the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reelbench.columns import COHORT, COHORT_BY, N_TEST
from reelbench.evaluation import IMPORTED, EvaluateConfig
from reelbench.evaluation.metrics import Metric, find, leaderboard_metrics
from reelbench.evaluation.significance import Pair, p_equation
from reelbench.faults import warning
from reelbench.provenance import Provenance
from reelbench.reporting import comparisons, tables
from reelbench.reporting.dataset import Dataset
from reelbench.reporting.lists import Lists
from reelbench.reporting.repeats import Repeats
from reelbench.reporting.results import SOURCES, Published, Replication, Result
from reelbench.reporting.tables import Cell, Column, Table, number
from reelbench.reporting.tuning import Tuning

_LEAST = 0.001  # seconds of a training that took no measurable time
# what `compared` makes of a pair
_COMPARED = ("95 %", "relative", "p", "users better / equal / worse")


class Best(NamedTuple):
    """The best model of a metric."""

    metric: Metric
    name: str
    value: float
    others: Sequence[Pair]  # every other model against it
    #: not shown to be worse, though trained in half of the time or less: of the equivalent models
    #: the cheapest one, else of the undecided ones the most accurate
    cheaper: Pair | None
    ratio: float  # training time of the best by that of the cheaper one

    @property
    def advised(self) -> str:
        """The cheaper model if it is equivalent, else the best."""
        cheaper = self.cheaper
        return cheaper.first if cheaper and cheaper.verdict == "equivalent" else self.name

    def having(self, verdict: str) -> list[str]:
        """The models of a verdict, the best first."""
        return [pair.first for pair in self.others if pair.verdict == verdict]


@dataclass(frozen=True)
class Content:
    """Everything that is reported, models in the order of the leaderboard."""

    dataset: Dataset
    split_name: str
    results: Sequence[Result]
    verdicts: Sequence[Pair]
    config: EvaluateConfig
    rare: comparisons.RareItems
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
    text: pd.DataFrame = field(default_factory=pd.DataFrame)  # what `comparisons.text_help` returns
    watts: float = 0.0  # per busy core, where energy is estimated
    #: results that equal one of `results`, by its name: no rows and comparisons of their own
    twins: Mapping[str, Sequence[Result]] = field(default_factory=dict)

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
        """Model with its twins, empty blocks and faults, and cells of every row."""
        cells = list(tables.cells(self.results, self.columns))
        if self.repeats:
            self.repeats.mark(self.results, self.columns, cells)
        rows = list(zip(map(self._label, self.results), cells, strict=True))
        none = [Cell(tables.MISSING)] * len(self.columns)
        return rows + [(f"{name} (skipped: {why})", none) for name, why in self.skipped.items()]

    def _label(self, result: Result) -> str:
        """Name of a model and its equals, what it declares but does not read, and its faults."""
        twins = self.twins.get(result.name, ())
        notes = [f"{_listed(twin.empty)} empty here" for twin in twins if twin.empty]
        like = next((o.name for o in self.results if o is not result and result.reads_like(o)), "")
        if result.empty and not result.read:
            notes.append(f"reads nothing here: {_listed(result.empty)} empty")
        elif result.empty and like:
            notes.append(f"reads what {like} reads: {_listed(result.empty)} empty here")
        name = " = ".join(own.name for own in (result, *twins))
        name += f" ({'; '.join(notes)})" if notes else ""
        marks = [*result.faults, *([IMPORTED] if result.family == IMPORTED else [])]
        return f"{name} [{', '.join(marks)}]" if marks else name

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
    def best(self) -> list[Best]:
        """Ranking, then ratings; a metric that no model has is left out."""
        found, pairs = [], comparisons.against_best(self.results, self.pairs)
        for metric in reversed(comparisons.compared_metrics(self.k)):
            if own := comparisons.having(self.results, metric):
                name = comparisons.best_of(own, metric)
                value = next(r.metrics[metric.key] for r in own if r.name == name)
                others = [p for p in pairs if p.metric == metric]
                found.append(Best(metric, name, value, others, *self._cheaper(name, others)))
        return found

    def _cheaper(self, best: str, others: Sequence[Pair]) -> tuple[Pair | None, float]:
        seconds = {r.name: r.train_cost.get("train_seconds") or _LEAST for r in self.results}
        cheap = [p for p in others if 2 * seconds[p.first] <= seconds[best]]
        equal = [p for p in cheap if p.verdict == "equivalent"]
        undecided = next((p for p in cheap if p.verdict == "undecided"), None)
        found = min(equal, key=lambda p: seconds[p.first], default=undecided)
        return found, seconds[best] / seconds[found.first] if found else 1.0

    @cached_property
    def standing(self) -> dict[str, dict[str, str]]:
        """Verdict against the best, or `best`, by the key of a metric and a model."""
        return {
            b.metric.key: {b.name: "best"} | {p.first: p.verdict for p in b.others}
            for b in self.best
        }

    @cached_property
    def cells(self) -> dict[str, dict[str, Cell]]:
        """Cells of the leaderboard by model and key of the column."""
        keys, rows = [column.key for column in self.columns], self.rows
        return {
            r.name: dict(zip(keys, own, strict=True))
            for r, (_, own) in zip(self.results, rows, strict=False)
        }

    @cached_property
    def best_tables(self) -> dict[str, Table]:
        """Every model against the best of a metric, by a title that names both."""
        found = {}
        for metric, best, _, pairs, *_ in self.best:
            titles = ["model", "verdict", f"minus {best}", *_COMPARED, "detectable at 80 %"]
            sizes = (number(pair.minimum_detectable, metric.digits) for pair in pairs)
            rows = [[p.first, *compared(p), size] for p, size in zip(pairs, sizes, strict=True)]
            if rows:
                title = f"{metric.title}: every model against {best}"
                found[title] = Table(titles, "llrrrrrr", rows)
        return found

    @cached_property
    def detectable(self) -> Table:
        """Which differences from the best of each metric the test set could have shown."""
        rows = []
        for metric, best, value, pairs, *_ in self.best:
            if sizes := [p.minimum_detectable for p in pairs if isfinite(p.minimum_detectable)]:
                texts = (
                    f"{number(size, metric.digits)} ({_percent(size / (value or np.nan), '.1f')})"
                    for size in np.quantile(sizes, [0, 0.5, 1])
                )
                rows.append([metric.title, best, *texts])
        return Table(["metric", "best", "smallest", "median", "largest"], "llrrr", rows)

    @cached_property
    def rare_table(self) -> Table:
        """Every rating model on rare movies, compared with the baseline."""
        metric = find("rmse")
        titles = ["model", metric.title, "verdict", f"minus {comparisons.BASELINE}", *_COMPARED]
        rows = [[r.model, number(r.rmse, metric.digits), *compared(r.pair)] for r in self.rare.rows]
        return Table(titles, "lrlrrrrr", rows)

    @cached_property
    def text_table(self) -> Table:
        """Every model of texts against the one without, a column per group of movies."""
        if self.text.empty:
            return Table(["model"], "l", [])
        known, models = self.text.itertuples(), self.text["model"].unique()
        cells = {(r.movies, r.model): f"{r.difference:+.4f} {r.verdict}" for r in known}
        sizes = dict(zip(self.text["movies"], self.text["ratings"], strict=True))
        titles = ["model", *(f"{name} ({n:,} ratings)" for name, n in sizes.items())]
        rows = [[model, *(cells[name, model] for name in sizes)] for model in models]
        return Table(titles, "l" + "r" * len(sizes), rows)

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
    def cohort_table(self) -> Table:
        """The best models of every cohort, a row per cohort."""
        shown = [r.cohorts.assign(model=r.name) for r in self.results if len(r.cohorts)]
        rows = []
        groups = pd.concat(shown).groupby([COHORT_BY, COHORT], sort=False) if shown else ()
        for names, own in groups:
            row = [*map(str, names), f"{own[N_TEST].iloc[0]:,.0f}"]
            for metric in (best.metric for best in self.best):
                known = own.dropna(subset=[metric.key]).set_index("model")[metric.key].astype(float)
                known = known.sort_values(ascending=metric.better == "lower", kind="stable")
                top = str(known.index[0]) if known.nunique() > 1 else ""
                row += [top, number(known[top], metric.digits)] if top else [tables.MISSING] * 2
            rows.append(row)
        titles = [column for best in self.best for column in ("best", best.metric.title)]
        return Table(["by", "cohort", "test ratings", *titles], "llr" + "lr" * len(self.best), rows)

    @property
    def machine(self) -> dict[str, Any]:
        """Which machine the costs were measured on; empty where it is unknown."""
        costs = (result.train_cost for result in self.results)
        return next((cost["machine"] for cost in costs if "machine" in cost), {})

    def verdict_groups(self) -> list[tuple[str, list[Pair]]]:
        """Comparisons with the baseline under a heading each; empty groups are left out."""
        words = {"better": "than", "equivalent": "to", "undecided": "against", "worse": "than"}
        titles = {v: f"{v.capitalize()} {word} {comparisons.BASELINE}" for v, word in words.items()}
        groups = {titles[v]: [pair for pair in self.verdicts if pair.verdict == v] for v in words}
        return [(title, group) for title, group in groups.items() if group]


def _listed(blocks: Sequence[str]) -> str:
    return f"{', '.join(blocks)} {'are' if len(blocks) > 1 else 'is'}"


def describe(pair: Pair) -> str:
    """Difference with its interval and p-value, such as `-0.0123 [-0.0150, -0.0099], p = 0.004`."""
    return "{} {}, ".format(*pair.texts) + p_equation(pair.p)


def compared(pair: Pair | None) -> list[str]:
    """Verdict, difference, its interval, relative, p and shares of users; dashes for None."""
    if pair is None:
        return [tables.MISSING] * 6
    difference, interval, p = pair.texts
    shares = (100 * share for share in (pair.share_better, pair.share_equal, pair.share_worse))
    users = "{:.0f} / {:.0f} / {:.0f} %".format(*shares)
    return [pair.verdict, difference, interval, _percent(pair.relative, "+.2f"), p, users]


def _percent(share: float, form: str) -> str:
    return f"{100 * share:{form}} %" if isfinite(share) else tables.MISSING
