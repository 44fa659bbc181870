"""Results of a pipeline run: read from a project, a baseline or a git revision; saved as baseline.

A baseline is what git keeps of a run: metrics and costs by model, as much of the per-user tables
as the gate needs for paired tests, and the leaderboard with a few figures for readers.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from reelbench import paths
from reelbench.columns import ABSOLUTE_ERROR, N_TEST, SQUARED_ERROR, USER_IDX
from reelbench.files import atomic, read_json_if_any, write_json

_METRICS, _COSTS, _PER_USER = "metrics.json", "costs.json", "per_user.parquet"
_MODEL = "model"
_ALWAYS = (USER_IDX, N_TEST, SQUARED_ERROR, ABSOLUTE_ERROR)


class GateError(ValueError):
    """Results that are missing or cannot be compared; the message names the remedy."""


@dataclass(frozen=True)
class ModelResults:
    """The results of one model."""

    metrics: Mapping[str, Any]  # content of its metrics file
    #: content of its cost files together, with the machine; empty where there are none
    costs: Mapping[str, Any]
    per_user: pd.DataFrame | None  # table of the evaluation; None where it was not kept

    @property
    def machine(self) -> Mapping[str, object] | None:
        """What the costs were measured on; None where it is not known."""
        return self.costs.get("machine")

    def numbers(self) -> dict[str, float | None]:
        """The metrics without intervals and cohorts."""
        return {key: v for key, v in self.metrics.items() if not isinstance(v, dict)}


def read(where: str) -> dict[str, ModelResults]:
    """Results by model.

    Args:
        where: folder of a project or of a baseline; or a git revision, whose baseline is read, with
            `:FOLDER` for another folder than `reports/baseline`.

    Raises:
        GateError: neither a folder nor a revision, or it holds no results.
    """
    root = Path(where)
    if (root / paths.METRICS).is_file():
        return _of_project(root)
    if root.is_dir():
        files = {name: root / name for name in (_METRICS, _COSTS, _PER_USER)}
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
    """Write the results of the last run to `folder`, all files or none.

    Args:
        gated: keys of the metrics whose values per user are kept.
        folder: the baseline; an older one is replaced.
        published: files for readers that are copied as they are, such as the leaderboard.

    Raises:
        GateError: a model has not been evaluated.
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
        tables = {name: r.per_user for name, r in chosen.items() if r.per_user is not None}
        whole = pd.concat(tables, names=[_MODEL, None]).reset_index(level=0)
        kept = [column for column in (_MODEL, *_ALWAYS, *gated) if column in whole]
        slim = pa.Table.from_pandas(whole[kept], preserve_index=False)
        # without pandas' metadata, whose versions would change the bytes
        pq.write_table(slim.replace_schema_metadata(), target / _PER_USER, compression="zstd")


def _of_project(root: Path) -> dict[str, ModelResults]:
    found = {}
    for model, metrics in read_json_if_any(root / paths.METRICS).items():
        # both have a peak memory: that of training is compared
        files = (root / paths.evaluate_cost(model), root / paths.train_cost(model))
        costs = read_json_if_any(files[0]) | read_json_if_any(files[1])
        table = root / paths.per_user(model)
        per_user = pd.read_parquet(table) if table.is_file() else None
        found[model] = ModelResults(metrics, costs, per_user)
    return found


def _of_baseline(where: str, content: Callable[[str], bytes | None]) -> dict[str, ModelResults]:
    metrics = json.loads(content(_METRICS) or b"{}")
    if not metrics:
        raise GateError(f"{where}: no {_METRICS}, which `reelbench gate save` writes")
    costs = json.loads(content(_COSTS) or b"{}")
    file = content(_PER_USER)
    table = pd.read_parquet(io.BytesIO(file)) if file else None
    return {
        name: ModelResults(
            numbers,
            costs.get(name, {}),
            None if table is None else table[table[_MODEL] == name].reset_index(drop=True),
        )
        for name, numbers in metrics.items()
    }


def _git(*arguments: str) -> bytes | None:
    """Output of a git command; None if it failed."""
    done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None
