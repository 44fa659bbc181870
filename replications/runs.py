"""Run variants of the pipeline in folders of their own, each step only once.

A variant is a set of Hydra overrides and has a folder with its own `params.yaml`. The steps of
`dvc.yaml` run there one after another, each in a process of its own, so that peak memory is that of
the step. Their outs go to a store, under a hash of the parameters, code and data that the step
reads, and the folder links to them: variants share what they have in common, a variant that differs
in its evaluation trains nothing, and a second run executes nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

import reelbench
from reelbench import params, paths
from reelbench.compose import compose
from reelbench.features.block import IDS
from reelbench.files import atomic, read_json, sha256_file, sha256_tree, write_json

_LOG = logging.getLogger(__name__)

#: content of a `params.yaml`
Params = Mapping[str, Any]
_STAGES = ("download", "clean", "split", "featurize", "inputs", "train", "evaluate")
_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
_LAST_LINES = 5


class StepError(ValueError):
    """A step failed; the message ends with the last lines of its log."""


class Step(NamedTuple):
    """One stage of `dvc.yaml`, for one model where it has a `foreach`, or for one feature block.

    Attributes:
        stage, name: such as `train` and `svd`; the name is empty for a stage without.
        params: dotted names of the parameters it reads.
        deps, outs: files and folders that it reads and writes.
    """

    stage: str
    name: str
    params: tuple[str, ...]
    deps: tuple[Path, ...]
    outs: tuple[Path, ...]

    @property
    def label(self) -> str:
        """As DVC names it, such as `train@svd`."""
        return f"{self.stage}@{self.name}" if self.name else self.stage


class Ran(NamedTuple):
    """A variant that has run.

    Attributes:
        folder: contains its outs, below `data` and `reports` as in a checkout.
        content: its parameters.
        seconds: sum over its steps, measured when each was executed.
        peak_memory_bytes: of its largest step.
    """

    folder: Path
    content: Params
    seconds: float
    peak_memory_bytes: int

    def file(self, path: Path) -> Path:
        """The file at one of `reelbench.paths`, in this folder."""
        return self.folder / path

    def metrics(self, model: str) -> dict[str, Any]:
        """Test metrics of a model, see `paths.metrics`."""
        return read_json(self.file(paths.metrics(model)))


def quoted(path: Path) -> str:
    """An absolute path as a value in Hydra's grammar, where `,`, `=` and brackets have meanings."""
    escaped = str(path.resolve()).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def run(folder: Path, store: Path, overrides: Sequence[str], model: str, *, upto: str = "") -> Ran:
    """Run a variant; the working directory is a checkout.

    Args:
        folder: of the variant; created, or emptied.
        store: of all outs, shared between variants.
        overrides: Hydra overrides; paths in them are absolute.
        model: the model to train and evaluate.
        upto: last stage to run, such as `split`; default: `evaluate`.

    Raises:
        ParamsError: the overrides do not compose, or without this model.
        StepError: a step failed.
    """
    for name in (paths.DATA, paths.REPORTS):
        shutil.rmtree(folder / name, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    content = only(compose(folder / paths.PARAMS, list(overrides)), model)
    with atomic(folder / paths.PARAMS) as file:
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        file.write_text(text, encoding="utf-8")
    costs = []
    for step in steps(content):
        costs.append(_done(step, folder.resolve(), store.resolve(), content))
        if step.stage == upto:
            break
    seconds, peaks = zip(*costs, strict=True)
    return Ran(folder, content, sum(seconds), max(peaks))


def only(content: Params, model: str) -> dict[str, Any]:
    """The parameters with only this model.

    Raises:
        ParamsError: the parameters do not contain it.
    """
    params.select(content, f"models.{model}")
    sections = {name: content[name].items() for name in ("models", "inputs", "search")}
    return {
        **content,
        **{name: {k: v for k, v in of if k == model} for name, of in sections.items()},
    }


def steps(content: Params, definition: Path = Path("dvc.yaml")) -> Iterator[Step]:
    """All steps from `download` to `evaluate` for the models in `content`, in order.

    The parameters, code and data that a step reads are those listed in `definition`.
    """
    stages = yaml.safe_load(definition.read_text(encoding="utf-8"))["stages"]
    blocks = [IDS, content["evaluate"]["similarity"]]
    blocks += [block for inputs in content["inputs"].values() for block in inputs]
    for stage in _STAGES:
        section = stages[stage]
        if stage == "featurize":  # a block at a time, since variants share most of them
            whole = _step(stage, "", section, content)
            for name in dict.fromkeys(blocks):
                yield _of_block(whole, name)
        elif "foreach" not in section:
            yield _step(stage, "", section, content)
        else:
            for name, item in content["models"].items():
                known = {**content, "key": name, "item": item}
                yield _step(stage, name, section["do"], known)


def _of_block(whole: Step, name: str) -> Step:
    parameters = (f"features.{name}" if key == "features" else key for key in whole.params)
    outs = (paths.feature_block(name), paths.block_key(name))
    return whole._replace(name=name, params=tuple(parameters), outs=outs)


def _step(stage: str, name: str, section: Params, known: Params) -> Step:
    def listed(key: str) -> tuple[str, ...]:
        entries = [next(iter(e)) if isinstance(e, dict) else e for e in section.get(key, [])]
        return tuple(_REFERENCE.sub(lambda r: str(params.select(known, r[1])), e) for e in entries)

    deps, outs = map(Path, listed("deps")), map(Path, listed("outs") + listed("metrics"))
    return Step(stage, name, listed("params"), tuple(deps), tuple(outs))


def _done(step: Step, folder: Path, store: Path, content: Params) -> tuple[float, int]:
    """Execute a step unless the store has its outs, and link them; returns what it cost."""
    home = store / f"{step.label}-{_key(step, folder, content)}"
    if not home.is_dir():
        _LOG.info("%s: %s", folder.name, step.label)
        cost = _execute(step, folder)
        with atomic(home) as new:
            for out in step.outs:
                (new / out).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(folder / out, new / out)
            write_json(new / "cost.json", cost)
    for out in step.outs:
        (folder / out).parent.mkdir(parents=True, exist_ok=True)
        (folder / out).symlink_to(home / out)
    seconds, peak_memory_bytes = read_json(home / "cost.json")
    return seconds, peak_memory_bytes


def _key(step: Step, folder: Path, content: Params) -> str:
    """Hash of everything that the outs of a step depend on."""
    code = Path(reelbench.__file__).parents[1]
    places = {
        p: code / p.relative_to("src") if p.parts[0] == "src" else folder / p for p in step.deps
    }
    described = {
        "step": step.label,
        "params": {name: params.select(content, name) for name in step.params},
        "deps": {str(dep): _hash(place) for dep, place in places.items()},
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
    """Names, sizes and times of the user's own files, so that an edited one is read again."""
    path = Path(root or os.devnull)
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    stats = [(file, file.stat()) for file in files if root and file.exists()]
    return [(file.name, stat.st_size, stat.st_mtime_ns) for file, stat in stats]


def _execute(step: Step, folder: Path) -> tuple[float, int]:
    """Execute a step in its folder; returns its seconds, and bytes of memory at its peak."""
    command = [sys.executable, "-m", "reelbench.stages", *filter(None, (step.stage, step.name))]
    environment = os.environ | {"PYTHONPATH": str(Path(reelbench.__file__).parents[1])}
    start = time.perf_counter()
    with (folder / "log.txt").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        last = log.read().strip().splitlines()[-_LAST_LINES:]
    if process.returncode:
        raise StepError(f"{folder.name}: {step.label}: " + " / ".join(last))
    unit = 1 if sys.platform == "darwin" else 1024  # Linux counts in KiB
    return round(time.perf_counter() - start, 3), usage.ru_maxrss * unit
