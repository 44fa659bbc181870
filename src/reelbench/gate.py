"""Results of pipeline runs: read, saved as a baseline, compared, and the moves that are too much.

A baseline is what git keeps of a run: metrics and costs by model, as much of the per-user tables
as paired tests need, and the leaderboard with a few figures for readers.
"""

import io
import json
import shutil
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from reelbench import paths
from reelbench.columns import ABSOLUTE_ERROR, N_TEST, SQUARED_ERROR, USER_IDX
from reelbench.data.identity import KEYS, SCALE
from reelbench.evaluation import significance
from reelbench.evaluation.metrics import ComparableKey, find
from reelbench.files import atomic, filled, read_json_if_any, write_json
from reelbench.params import Section

_METRICS, _COSTS, _PER_USER = "metrics.json", "costs.json", "per_user.parquet"
_IDENTITY = "identity.json"
# what must be the same, in words; the name of the data need not
_SAME = {"data_hash": "data", "split": "split", "rating_min": "rating scale"}
_SAME |= {"rating_max": "rating scale", "test_hash": "test ratings"}
_MODEL = "model"
_ALWAYS = (USER_IDX, N_TEST, SQUARED_ERROR, ABSOLUTE_ERROR)
_ROUNDING = 1e-7  # smaller relative changes are another processor's rounding


class GateError(ValueError):
    """Results that are missing or cannot be compared; the message names the remedy."""


@dataclass(frozen=True)
class ModelResults:
    """The results of one model."""

    metrics: Mapping[str, Any]  # content of its metrics file
    costs: Mapping[str, Any]  # content of its cost files, with the machine; empty without any
    per_user: pd.DataFrame | None  # table of the evaluation; None where it was not kept
    #: data, split and scale of the test ratings (`data.identity`), as far as they are known
    identity: Mapping[str, Any] = field(default_factory=dict)

    def numbers(self) -> dict[str, float | None]:
        """The metrics without intervals and cohorts."""
        return {key: v for key, v in self.metrics.items() if not isinstance(v, dict)}


def read(where: str) -> dict[str, ModelResults]:
    """Results by model of a project's folder, of a baseline, or of the baseline of a git revision.

    After a revision, `:FOLDER` names another folder than `reports/baseline`. What is neither a
    folder nor a revision, or holds no results, is a GateError.
    """
    root = Path(where)
    if (root / paths.METRICS).is_file():
        return _of_project(root)
    if root.is_dir():
        files = {name: root / name for name in (_METRICS, _COSTS, _PER_USER, _IDENTITY)}
        content = {name: file.read_bytes() for name, file in files.items() if file.is_file()}
        return _of_baseline(where, content.get)
    revision, _, folder = where.partition(":")
    if _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") is None:
        raise GateError(f"{where} is neither a folder nor a git revision")
    place = f"{revision}:{folder.rstrip('/') or paths.BASELINE}"
    return _of_baseline(place, lambda name: _git("show", f"{place}/{name}"))


def save(
    models: Collection[str], gated: Collection[str], folder: Path, published: Iterable[Path] = ()
) -> None:
    """Write the results of the last run to `folder`, all files or none, in place of an older one.

    Values per user are kept of the `gated` metrics, and the `published` files, such as the
    leaderboard, are copied as they are. A model without an evaluation is a GateError.
    """
    found = _of_project(Path())
    missing = [name for name in models if name not in found or found[name].per_user is None]
    if missing:
        raise GateError(f"no evaluation of {', '.join(missing)}: run `dvc repro evaluate`")
    chosen = {name: found[name] for name in models}
    with atomic(folder) as target:
        target.mkdir()
        for file in filter(Path.is_file, published):  # a figure may have nothing to show
            shutil.copyfile(file, target / file.name)
        write_json(target / _METRICS, {name: r.numbers() for name, r in chosen.items()})
        # without the samples of the machine's load, which are many and are not compared
        costs = {
            name: {key: value for key, value in r.costs.items() if not isinstance(value, list)}
            for name, r in chosen.items()
        }
        write_json(target / _COSTS, costs)
        write_json(target / _IDENTITY, next(iter(chosen.values())).identity)
        tables = {name: r.per_user for name, r in chosen.items() if r.per_user is not None}
        whole = pd.concat(tables, names=[_MODEL, None]).reset_index(level=0)
        kept = [column for column in (_MODEL, *_ALWAYS, *gated) if column in whole]
        slim = pa.Table.from_pandas(whole[kept], preserve_index=False)
        # without pandas' metadata, whose versions would change the bytes
        pq.write_table(slim.replace_schema_metadata(), target / _PER_USER, compression="zstd")


def _of_project(root: Path) -> dict[str, ModelResults]:
    found, report = {}, read_json_if_any(root / paths.DATA_REPORT)
    # its "split" is another thing
    reported = {key: report[key] for key in ("data_hash", "test_hash") if key in report}
    for model, metrics in read_json_if_any(root / paths.METRICS).items():
        # both have a peak memory: that of training is compared
        files = (root / paths.evaluate_cost(model), root / paths.train_cost(model))
        costs = read_json_if_any(files[0]) | read_json_if_any(files[1])
        table = root / paths.per_user(model)
        per_user = pd.read_parquet(table) if table.is_file() else None
        # a checkout without `data/` has what the report says of it
        stored = read_json_if_any(root / paths.evaluation_inputs(model)) or reported
        of_data = {key: stored[key] for key in (*KEYS, *SCALE) if key in stored}
        found[model] = ModelResults(metrics, costs, per_user, of_data)
    return found


def _of_baseline(where: str, content: Callable[[str], bytes | None]) -> dict[str, ModelResults]:
    metrics = json.loads(content(_METRICS) or b"{}")
    if not metrics:
        raise GateError(f"{where}: no {_METRICS}, which `reelbench gate save` writes")
    costs, identity = (json.loads(content(name) or b"{}") for name in (_COSTS, _IDENTITY))
    file = content(_PER_USER)
    table = pd.read_parquet(io.BytesIO(file)) if file else None
    found = {}
    for name, numbers in metrics.items():
        own = None if table is None else table[table[_MODEL] == name].reset_index(drop=True)
        found[name] = ModelResults(numbers, costs.get(name, {}), own, identity)
    return found


def _git(*arguments: str) -> bytes | None:
    """Output of a git command; None if it failed."""
    done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


class CostLimit(Section):
    """By how much a cost may grow."""

    ratio: PositiveFloat  # largest ratio of new to base
    floor: NonNegativeFloat  # smaller costs count as this much, since small times are mostly noise


class GateConfig(Section):
    """Section `gate` of the parameters: what stops a merge."""

    #: gated metric → relative loss that passes even where it is significant
    tolerances: dict[ComparableKey, NonNegativeFloat]
    cost_limits: dict[str, CostLimit]  # limit by the key of a cost; on the same machine only
    bootstrap_samples: PositiveInt  # resamples of the users in every paired test


@dataclass
class Row:
    """One number of one model, before and after."""

    model: str
    key: str
    base: float | None  # the number in the baseline; None where it has none
    new: float | None  # the number in the new results; None where they have none
    gated: bool = False  # whether it can stop a merge
    #: new minus base, paired by user; None where it is not tested
    comparison: significance.Pair | None = None
    p_corrected: float | None = None  # after Holm's correction for all gated rows that are tested
    failure: str = ""  # why it stops the merge; empty if it does not

    @property
    def change(self) -> float | None:
        """Relative change; None where it is not defined."""
        if self.base is None or self.new is None or self.base == 0:
            return None
        return (self.new - self.base) / abs(self.base)

    @property
    def loss(self) -> float:
        """How much worse a metric is, relative to the base; negative for an improvement."""
        change = self.change or 0.0
        return change if find(self.key).better == "lower" else -change

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `interval` is that of the difference."""
        own = vars(self) | {"change": self.change}
        pair = own.pop("comparison")
        return own | {"interval": pair and [pair.low, pair.high]}

    @property
    def moved(self) -> bool:
        """Whether the two numbers differ by more than rounding."""
        if self.base is None or self.new is None:
            return self.base is not self.new
        return abs(self.new - self.base) > _ROUNDING * max(abs(self.base), abs(self.new))


def compare(
    base: Mapping[str, ModelResults], new: Mapping[str, ModelResults], config: GateConfig, seed: int
) -> list[Row]:
    """Every number that moved, failures and gated rows first; a missing model is a failure.

    A gated metric fails where it is worse by more than its tolerance and significantly so in the
    paired test. Without tables to test with, the tolerance decides alone. A GateError as for
    `check_comparable`.
    """
    check_comparable(base, new)
    rows: list[Row] = []
    for model in base:
        if model not in new:
            gone = "the model is gone: save a new baseline if that is meant"
            rows.append(Row(model, "model", 1.0, None, gated=True, failure=gone))
            continue
        rows += _metrics(model, base[model], new[model], config, seed)
        rows += _costs(model, base[model], new[model], config)
    rows += [Row(model, "model", None, 1.0) for model in new if model not in base]
    rows = [row for row in rows if row.moved]
    tested = np.array([row.comparison.p for row in rows if row.comparison])
    corrected = iter(significance.holm(tested))
    for row in rows:
        if row.comparison:
            row.p_corrected = float(next(corrected))
        row.failure = row.failure or _failure(row, config.tolerances.get(row.key))
    return sorted(rows, key=lambda row: (not row.failure, not row.gated))


def check_comparable(base: Mapping[str, ModelResults], new: Mapping[str, ModelResults]) -> None:
    """Raise GateError where results are of other data, another split, scale, or test ratings."""
    for model in filter(new.__contains__, base):
        if other := _difference(base[model], new[model]):
            raise GateError(
                f"{model}: the results differ in {other}, so they cannot be compared: run `dvc "
                "repro` with the data and split of the baseline, or `reelbench gate save`"
            )


def _difference(base: ModelResults, new: ModelResults) -> str:
    """What of the test ratings differs, in words; empty where nothing is known to differ."""
    for key, name in _SAME.items():
        old, now = base.identity.get(key), new.identity.get(key)
        if None not in (old, now) and old != now:
            short = (str(value)[: 8 if key.endswith("hash") else None] for value in (old, now))
            return f"the {name} ({' and '.join(short)})"
    tables = [r.per_user[[USER_IDX, N_TEST]] for r in (base, new) if r.per_user is not None]
    users = [table.sort_values(USER_IDX).to_numpy() for table in tables]
    same = len(users) < 2 or np.array_equal(users[0], users[1])
    return "" if same else "the number of test ratings per user"


def _metrics(
    model: str, base: ModelResults, new: ModelResults, config: GateConfig, seed: int
) -> Iterator[Row]:
    """Metrics; a gated one that moved is tested where both have its values per user."""
    before, after = base.numbers(), new.numbers()
    found = (("new", new.per_user), ("base", base.per_user))
    tables = {name: table for name, table in found if table is not None}
    for key in sorted({*before, *after}):
        row = Row(model, key, before.get(key), after.get(key), key in config.tolerances)
        tested = row.gated and row.moved
        if tested and row.new is None:
            row.failure = "the metric is gone"
        elif tested and row.base is not None and len(tables) == 2 and find(key).per_user:
            try:
                pairs = significance.compared_pairs(tables, key, config.bootstrap_samples, seed)
                row.comparison = pairs[0]
            except ValueError as error:
                row.failure = f"cannot be compared: {error}"
        yield row


def _failure(row: Row, tolerance: float | None) -> str:
    """Why a row fails its tolerance; empty if it does not, or has none."""
    if tolerance is None or row.loss <= tolerance:
        return ""
    if row.p_corrected is None:
        why = "no values per user to test with"
    elif row.p_corrected < significance.ALPHA:
        why = significance.p_equation(row.p_corrected)
    else:
        return ""
    return f"worse by {row.loss:.1%}, more than the {tolerance:.1%} allowed ({why})"


def _costs(model: str, base: ModelResults, new: ModelResults, config: GateConfig) -> Iterator[Row]:
    """Costs with a limit, gated only where both were measured on the same machine."""
    machine = base.costs.get("machine")  # None where it is not known
    same = machine is not None and machine == new.costs.get("machine")
    for key, limit in config.cost_limits.items():
        before, after = base.costs.get(key), new.costs.get(key)
        if before is None or after is None:
            continue
        ratio = max(after, limit.floor) / max(before, limit.floor, 1e-12)
        failure = ""
        if same and ratio > limit.ratio:
            failure = f"{ratio:.2f} times as much, more than {limit.ratio:g} times"
        yield Row(model, key, before, after, gated=same, failure=failure)


def render(rows: Sequence[Row], base: str, new: str) -> str:
    """Markdown for a terminal or the summary of a CI job."""
    template = Path(__file__).with_suffix(".jinja")
    return filled(template, rows=rows, base=base, new=new, p_text=significance.p_text)
