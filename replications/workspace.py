"""Our own pipeline in a folder of its own, so that a replication leaves the checkout's alone.

A variant (some Hydra overrides) has a folder with its `params.yaml`. Its steps run there one after
the other, each in a process of its own, as DVC runs them: memory is that of the step, and nothing
is left over from the one before. Outs go to a store, by a hash of parameters, code and the content
of what the step has read, and the folder links to them. So a variant that differs in its evaluation
alone trains nothing, and a second run runs nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import reelbench
from reelbench import params, paths
from reelbench.compose import compose
from reelbench.files import atomic, read_json, sha256_file, sha256_tree, write_json
from replications.pipeline import Step, folders, only, steps

_LOG = logging.getLogger(__name__)

_COST = "cost.json"
_LOG_FILE = "log.txt"
_LAST_LINES = 5


class StepError(ValueError):
    """A step of a variant failed; the message has its last lines."""


@dataclass(frozen=True)
class Ran:
    """A variant that has run.

    Attributes:
        folder: where its outs are, below `data` and `reports` as in a checkout.
        content: its parameters.
        seconds: of all its steps, whenever they ran.
        peak_memory_bytes: of the largest of them.
    """

    folder: Path
    content: dict[str, Any]
    seconds: float
    peak_memory_bytes: int

    def file(self, path: Path) -> Path:
        """One of `paths`, in this folder."""
        return self.folder / path

    def metrics(self, model: str) -> dict[str, Any]:
        """Content of `paths.metrics`."""
        return read_json(self.file(paths.metrics(model)))

    def train_seconds(self, model: str) -> float:
        """Seconds of the training, measured when it ran."""
        return float(read_json(self.file(paths.train_cost(model)))["train_seconds"])


def run(
    folder: Path, store: Path, overrides: Sequence[str], models: Sequence[str], *, upto: str = ""
) -> Ran:
    """Run a variant for some models; the working directory is a checkout.

    Args:
        folder: of the variant; made, or emptied.
        store: of all outs; variants share it.
        overrides: in Hydra's grammar. Paths in them are absolute.
        models: those to train and evaluate.
        upto: last stage to run, such as `split`; all by default.

    Raises:
        ParamsError: the overrides do not compose.
        StepError: a step failed.
    """
    _empty(folder)
    content = only(compose(folder / paths.PARAMS, list(overrides)), list(models))
    _write_params(content, folder / paths.PARAMS)
    costs = []
    for step in steps(content):
        costs.append(_done(step, folder.resolve(), store.resolve(), content))
        if step.stage == upto:
            break
    return Ran(
        folder,
        content,
        sum(cost["seconds"] for cost in costs),
        max(cost["peak_memory_bytes"] for cost in costs),
    )


def _empty(folder: Path) -> None:
    """Nothing of an earlier run stays; the outs themselves are in the store."""
    for name in folders():
        shutil.rmtree(folder / name, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def _write_params(content: Mapping[str, Any], file: Path) -> None:
    text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)
    with atomic(file) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _done(step: Step, folder: Path, store: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Run a step, unless the store has its outs; link them, and tell what it cost."""
    home = store / f"{step.label}-{_key(step, folder, content)}"
    if not home.is_dir():
        _LOG.info("%s: %s", folder.name, step.label)
        cost = _execute(step, folder)
        with atomic(home) as new:
            for out in step.outs:
                (new / out).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(folder / out, new / out)
            write_json(new / _COST, cost)
    for out in step.outs:
        (folder / out).parent.mkdir(parents=True, exist_ok=True)
        (folder / out).symlink_to(home / out)
    return read_json(home / _COST)


def _key(step: Step, folder: Path, content: Mapping[str, Any]) -> str:
    """Hash of everything that a step's outs depend on."""
    source = Path(reelbench.__file__).parents[1]
    code = {str(path): _hash(source / path.relative_to("src")) for path in step.code}
    described = {
        "step": step.label,
        "params": {name: params.select(content, name) for name in step.params},
        "code": code,
        "data": {str(path): _hash(folder / path) for path in step.data},
        "root": _fingerprint(content["data"].get("root")) if step.stage == "download" else None,
    }
    text = json.dumps(described, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _hash(path: Path) -> str:
    if path.is_file():
        return sha256_file(path)
    if (path / "__init__.py").is_file():  # compiled files come and go
        digests = [sha256_file(file) for file in sorted(path.rglob("*.py"))]
        return hashlib.sha256("".join(digests).encode()).hexdigest()
    if not path.is_dir():
        return "missing"
    # `data/models` holds links to folders of the store, which a walk does not follow
    links = [link for link in sorted(path.iterdir()) if link.is_symlink()]
    return "".join([sha256_tree(path), *(_hash(link.resolve()) for link in links)])


def _fingerprint(root: str | None) -> list[tuple[str, int, int]]:
    """Names, sizes and times of the user's own files: one that was mended is read again."""
    if root is None:
        return []
    path = Path(root)
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    stats = [(file, file.stat()) for file in files if file.exists()]
    return [(file.name, stat.st_size, stat.st_mtime_ns) for file, stat in stats]


def _execute(step: Step, folder: Path) -> dict[str, Any]:
    """Run a step in its folder: seconds, and bytes at its largest."""
    source = str(Path(reelbench.__file__).parents[1])
    command = [sys.executable, "-m", "reelbench.stages", *step.arguments]
    start = time.perf_counter()
    with (folder / _LOG_FILE).open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | {"PYTHONPATH": source}, stdout=log, stderr=log
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        said = log.read().strip().splitlines()[-_LAST_LINES:]
    if process.returncode:
        raise StepError(f"{folder.name}: {step.label}: " + " / ".join(said))
    unit = 1 if sys.platform == "darwin" else 1024  # Linux counts in KiB
    return {
        "seconds": round(time.perf_counter() - start, 3),
        "peak_memory_bytes": usage.ru_maxrss * unit,
    }
