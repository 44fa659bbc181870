"""Results of a pipeline run, from a folder or from a git revision."""

from __future__ import annotations

import io
import json
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from reelbench import paths


class BenchError(ValueError):
    """Results that are not there or cannot be compared; the message says what to do."""


@dataclass(frozen=True)
class ModelResults:
    """What is known of one model.

    Attributes:
        metrics: content of its metrics file.
        costs: content of its cost files together; empty where there are none.
        per_user: table of the evaluation; None where it is not kept.
    """

    metrics: dict[str, Any]
    costs: dict[str, Any]
    per_user: pd.DataFrame | None


class _Source(ABC):
    """Files by their path below a folder of reports."""

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """Names of the files of a folder, empty where it is not there."""

    @abstractmethod
    def read(self, file: str) -> bytes | None:
        """Content of a file, None where it is not there."""

    @abstractmethod
    def evaluated(self, model: str) -> bytes | None:
        """The per-user table where the pipeline itself leaves it."""


class _Project(_Source):
    """What the pipeline left in a checkout."""

    def __init__(self, folder: Path) -> None:
        self._root = folder

    def names(self, folder: str) -> list[str]:
        return [f"{model}.json" for model in json.loads((self._root / paths.METRICS).read_bytes())]

    def read(self, file: str) -> bytes | None:
        kind, _, name = file.rpartition("/")
        model = name.partition(".")[0]
        found = self._root / {
            "metrics": paths.metrics,
            "costs/train": paths.train_cost,
            "costs/evaluate": paths.evaluate_cost,
            "per_user": paths.per_user,
        }[kind](model)
        return found.read_bytes() if found.is_file() else None

    def evaluated(self, model: str) -> bytes | None:
        return None


class _Folder(_Source):
    """A baseline."""

    def __init__(self, folder: Path) -> None:
        self._root = folder

    def names(self, folder: str) -> list[str]:
        return sorted(file.name for file in (self._root / folder).glob("*"))

    def read(self, file: str) -> bytes | None:
        found = self._root / file
        return found.read_bytes() if found.is_file() else None

    def evaluated(self, model: str) -> bytes | None:
        return None


class _Revision(_Source):
    def __init__(self, revision: str, folder: str) -> None:
        self._revision, self._folder = revision, folder

    def names(self, folder: str) -> list[str]:
        listed = _git("ls-tree", "--name-only", self._revision, f"{self._folder}/{folder}/")
        return [Path(line).name for line in (listed or b"").decode().splitlines()]

    def read(self, file: str) -> bytes | None:
        return _git("show", f"{self._revision}:{self._folder}/{file}")

    def evaluated(self, model: str) -> bytes | None:
        """Out of DVC's cache, if that revision's table is still there."""
        if self._folder != str(paths.REPORTS):
            return None
        import dvc.api
        from dvc.exceptions import DvcException

        try:
            with dvc.api.open(str(paths.per_user(model)), rev=self._revision, mode="rb") as stream:
                return stream.read()
        except (DvcException, OSError):
            return None


def read(where: str) -> dict[str, ModelResults]:
    """Results by model.

    Args:
        where: a project or a baseline; or a git revision, with `:FOLDER` for another folder than
            `reports/baseline`.

    Raises:
        BenchError: there is no such folder or revision, or it has no metrics.
    """
    source = _open(where)
    models = [Path(name).stem for name in source.names("metrics") if name.endswith(".json")]
    if not models:
        raise BenchError(f"{where}: no file metrics/*.json; `reelbench bench save` writes some")
    return {model: _model(source, model) for model in models}


def _open(where: str) -> _Source:
    if (Path(where) / paths.METRICS).is_file():
        return _Project(Path(where))
    if Path(where).is_dir():
        return _Folder(Path(where))
    revision, _, folder = where.partition(":")
    if _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") is None:
        raise BenchError(f"{where} is neither a folder nor a git revision")
    return _Revision(revision, folder.rstrip("/") or str(paths.BASELINE))


def _model(source: _Source, model: str) -> ModelResults:
    costs: dict[str, Any] = {}
    for stage in ("evaluate", "train"):  # both have a peak memory: that of training is shown
        content = source.read(f"costs/{stage}/{model}.json")
        costs |= json.loads(content) if content else {}
    table = source.read(f"per_user/{model}.parquet") or source.evaluated(model)
    return ModelResults(
        metrics=json.loads(source.read(f"metrics/{model}.json") or b"{}"),
        costs=costs,
        per_user=pd.read_parquet(io.BytesIO(table)) if table else None,
    )


def _git(*arguments: str) -> bytes | None:
    """Output of a git command; None if it failed."""
    done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None
