"""The plan of a run: what every stage costs, and the models that its budget has no room for."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from pydantic import ByteSize, Field, PositiveFloat
from rich.table import Table

from reelbench import paths
from reelbench.costs.predict import (
    Cost,
    Estimate,
    Sizes,
    model_cost,
    sizes_of,
    slowness,
    stage_cost,
)
from reelbench.files import read_json_if_any
from reelbench.machine import memory_bytes
from reelbench.models.base import ModelEntry
from reelbench.params import ParamsError, Section, validate

# kept for everything else that runs: a tenth of the machine's memory, but at least 1 GB
_RESERVE, _LEAST_RESERVE = 0.1, 10**9
_UNITS = {"TB": 10**12, "GB": 10**9, "MB": 10**6, "KB": 10**3, "B": 1}


class BudgetConfig(Section):
    """Section `budget`."""

    #: of any one stage, such as 2GB, a number being bytes; null: what the machine has, less a
    #: reserve
    memory: Annotated[ByteSize, Field(ge=1000)] | None = None
    seconds: PositiveFloat | None = None  # of a run that executes every stage; null: no limit

    @property
    def memory_limit(self) -> int:
        """Bytes that a stage may take; of what the machine has, so that every run chooses alike."""
        machine = memory_bytes()
        return self.memory or machine - max(_LEAST_RESERVE, round(machine * _RESERVE))


def choose(models: Mapping[str, Cost | None], always: Cost, budget: BudgetConfig) -> dict[str, str]:
    """Models that the budget has no room for, each with the reason.

    `models` are costs by name, training and evaluation together; everything counts at the upper end
    of its range. Of the seconds, what is `always` done comes first, then one model after the other,
    the cheapest first: so as many as possible are run. A model of unknown cost is run in any case.
    """
    limit, known = budget.memory_limit, {n: cost for n, cost in models.items() if cost is not None}
    reasons = {
        name: f"would need {size_text(cost.memory.most)}, {size_text(limit)} are "
        + ("free" if budget.memory is None else "allowed")
        for name, cost in known.items()
        if cost.memory.most > limit
    }
    left = math.inf if budget.seconds is None else budget.seconds - always.seconds.most
    for name in sorted(known.keys() - reasons, key=lambda name: (known[name].seconds.most, name)):
        seconds = known[name].seconds.most
        if seconds > left:
            reasons[name] = f"would need {seconds:,.0f} s, {max(left, 0):,.0f} s are left"
        else:
            left -= seconds
    return reasons


def size_text(number: float) -> str:
    """A number of bytes with its unit, such as `31 GB`."""
    unit = next((unit for unit, least in _UNITS.items() if number >= least), "B")
    scaled = number / _UNITS[unit]
    return f"{scaled:.0f} {unit}" if scaled >= 10 or unit == "B" else f"{scaled:.1f} {unit}"


_NO_RATINGS = "the data have no ratings"
_NO_FOLD_IN = "users of test are unknown to train, and it has no fold-in for new users"
_BEFORE, _AFTER = ("download", "clean", "split", "featurize"), ("report", "dvc")
_OTHER_STAGES = 7  # these without dvc, inputs and evaluate


@dataclass(frozen=True)
class Step:
    """One stage, or what a model (feature block) adds to the stage `evaluate` (`featurize`)."""

    name: str  # as DVC names a stage, such as `train@svd`; `dvc` is DVC's own work
    cost: Cost | None  # None if it is unknown
    skipped: str = ""  # why the model is not trained; empty if it is


@dataclass(frozen=True)
class Plan:
    """The steps of a run in which every stage is executed, in their order."""

    sizes: Sizes
    slowness: float
    steps: list[Step]

    @property
    def skipped(self) -> dict[str, str]:
        """Why a model is not trained, by model."""
        return {s.name.removeprefix("train@"): s.skipped for s in self.steps if s.skipped}

    @property
    def total(self) -> Cost:
        """Of all steps whose cost is known."""
        return Cost.total([step.cost for step in self.steps if step.cost is not None])

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON: seconds and bytes, each as `[value, error]`."""
        steps = {step.name: asdict(step) for step in self.steps}
        return {**asdict(self), "steps": steps, "total": asdict(self.total)}


def make(params: Mapping[str, Any], sizes: Sizes, slowness: float = 1.0) -> Plan:
    """Plan of a run with the content of `params.yaml`, on data of these sizes.

    `slowness` is the number of seconds here for a second of the machine of the coefficients.
    """
    budget = validate("budget", params.get("budget", {}), BudgetConfig, paths.CONF / "config.yaml")
    if users := params.get("evaluate", {}).get("users"):
        sizes = replace(sizes, test_users=min(users, sizes.test_users))
    entries = {name: ModelEntry.model_validate(v) for name, v in params.get("models", {}).items()}
    blocks = list(params["features"])
    counts = {"models": len(entries), "stages": len(entries) + _OTHER_STAGES}

    def stage(name: str, block: str = "") -> Step:
        cost = _slower(stage_cost(name, block, sizes, counts), slowness)
        return Step(f"{name}@{block}" if block else name, cost)

    def models(kind: str) -> dict[str, Cost | None]:
        costs = {name: model_cost(kind, name, entry, sizes) for name, entry in entries.items()}
        return {name: _slower(cost, slowness) for name, cost in costs.items()}

    before = [*map(stage, _BEFORE), *(stage("featurize", b) for b in blocks), stage("inputs")]
    evaluation, after, skip = stage("evaluate"), [*map(stage, _AFTER)], stage("skip").cost
    train, evaluate = models("train"), models("evaluate")
    always = [step.cost for step in (*before, evaluation, *after)] + [skip] * len(entries)
    reasons = _without_use(params, entries)
    reasons |= choose(
        {n: _of_model(train[n], evaluate[n], skip) for n in entries if n not in reasons},
        Cost.total([cost for cost in always if cost is not None]),
        budget,
    )
    costs = train | dict.fromkeys(reasons, skip)
    trained = [Step(f"train@{name}", costs[name], reasons.get(name, "")) for name in entries]
    evaluated = [Step(f"evaluate@{n}", evaluate[n]) for n in entries if n not in reasons]
    return Plan(sizes, slowness, [*before, *trained, evaluation, *evaluated, *after])


def current(
    content: Mapping[str, Any], ratings: int | None, users: int | None, items: int | None
) -> Plan:
    """Plan for the content of `params.yaml`, for data of a size that is stated or else known.

    A parameter that cannot be used, or a size that is unknown or stated in part, is a ParamsError.
    """
    stated = (ratings, users, items)
    if any(stated) and not all(stated):
        raise ParamsError("--ratings, --users and --items go together")
    return make(content, sizes_of(content, tuple(n for n in stated if n)), slowness())


def table(found: Plan) -> Table:
    """A row per step, and the total."""
    sizes = found.sizes
    shown = Table(
        title=f"{sizes.all_ratings:,} ratings of {sizes.items:,} movies by {sizes.users:,} users",
        caption="A run in which every stage is executed; the memory of the total is the largest. "
        f"This machine is taken to need {found.slowness:.1f} times the seconds of the one that was "
        "measured.",
        title_justify="left",
        caption_justify="left",
    )
    shown.add_column("stage")
    for title in ("seconds", "±", "memory", "disk"):
        shown.add_column(title, justify="right")
    shown.add_column("")
    for step in found.steps:
        skipped = f"skipped: {step.skipped}" if step.skipped else ""
        shown.add_row(step.name, *_texts(step.cost), skipped or ("" if step.cost else "unknown"))
    shown.add_section()
    unknown = sum(step.cost is None for step in found.steps)
    shown.add_row("total", *_texts(found.total), f"without {unknown} unknown" if unknown else "")
    return shown


def _without_use(params: Mapping[str, Any], entries: Mapping[str, ModelEntry]) -> dict[str, str]:
    """Why models have no answer here: to data without ratings, or to users unknown to train."""
    catalogue = read_json_if_any(paths.CATALOGUE)
    implicit = catalogue.get("implicit") and catalogue.get("name") == params["data"]["name"]
    strangers = params.get("split", {}).get("method") == "held_out_users"
    if not implicit and not strangers:
        return {}
    made = {name: entry.create(name, seed=0, threads=1) for name, entry in entries.items()}
    unable = {name: _NO_FOLD_IN for name, m in made.items() if strangers and not m.can_fold_in}
    return unable | {n: _NO_RATINGS for n, m in made.items() if implicit and m.predicts_ratings}


def _slower(cost: Cost | None, slowness: float) -> Cost | None:
    if cost is None:
        return None
    return replace(cost, seconds=Estimate(*(slowness * value for value in cost.seconds)))


def _of_model(train: Cost | None, evaluation: Cost | None, skip: Cost | None) -> Cost | None:
    """What a model costs beside the process that even a skipped one starts."""
    if train is None or evaluation is None:
        return None
    both = Cost.total([train, evaluation])
    started = 0.0 if skip is None else skip.seconds.value
    return replace(both, seconds=both.seconds._replace(value=both.seconds.value - started))


def _texts(cost: Cost | None) -> tuple[str, ...]:
    if cost is None:
        return ("",) * 4
    seconds = (f"{number:,.1f}" for number in cost.seconds)
    return (*seconds, size_text(cost.memory.value), size_text(cost.disk.value))
