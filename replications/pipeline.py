"""The steps of `dvc.yaml` for some models: commands, parameters, code, and the files between them.

What a stage depends on is written down once, in `dvc.yaml`, for DVC; a replication goes by the same
lists when it decides what it need not run again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from reelbench import params, paths
from reelbench.features.block import IDS

DEFINITION = Path("dvc.yaml")
_CODE = "src"
_REFERENCE = re.compile(r"\$\{([\w.]+)\}")


@dataclass(frozen=True)
class Step:
    """One executed stage.

    Attributes:
        stage: such as `train`.
        name: the model or block; empty for a stage that has none.
        params: dotted names of the parameters that it reads.
        deps: code and data that it reads, as `dvc.yaml` has them.
        outs: files and folders that it writes.
    """

    stage: str
    name: str
    params: tuple[str, ...]
    deps: tuple[Path, ...]
    outs: tuple[Path, ...]

    @property
    def label(self) -> str:
        """Such as `train@svd`."""
        return f"{self.stage}@{self.name}" if self.name else self.stage

    @property
    def arguments(self) -> list[str]:
        """Of `python -m reelbench.stages`."""
        return [self.stage, *([self.name] if self.name else [])]

    @property
    def code(self) -> tuple[Path, ...]:
        """The dependencies that are code, relative to the checkout."""
        return tuple(dep for dep in self.deps if dep.parts[0] == _CODE)

    @property
    def data(self) -> tuple[Path, ...]:
        """The dependencies that earlier steps have made, relative to where the step runs."""
        return tuple(dep for dep in self.deps if dep.parts[0] != _CODE)


def steps(content: Mapping[str, Any], definition: Path = DEFINITION) -> Iterator[Step]:
    """All steps from `download` to `evaluate` of the models in `content`, in order.

    Args:
        content: parameters with those models alone that are to run.
        definition: the `dvc.yaml` of the checkout.
    """
    stages = yaml.safe_load(definition.read_text(encoding="utf-8"))["stages"]
    names = {
        "featurize": blocks(content),
        "train": list(content["models"]),
    }
    for stage in ("download", "clean", "split", "featurize", "inputs", "train", "evaluate"):
        for name in names.get(stage, [""]):
            yield _step(stage, name, stages[stage], content)


def blocks(content: Mapping[str, Any]) -> list[str]:
    """The feature blocks that the models and their evaluation read, without repeats."""
    wanted = [IDS, content["evaluate"]["similarity"]]
    wanted += [block for inputs in content["inputs"].values() for block in inputs]
    return list(dict.fromkeys(wanted))


def _step(stage: str, name: str, section: Mapping[str, Any], content: Mapping[str, Any]) -> Step:
    body = section["do"] if "foreach" in section else section
    group = {"featurize": "features", "train": "models"}.get(stage)
    item = content[group][name] if group else {}
    known = {**content, "key": name, "item": item}

    def listed(key: str) -> tuple[str, ...]:
        entries = [next(iter(e)) if isinstance(e, dict) else e for e in body.get(key, [])]
        return tuple(_filled(entry, known) for entry in entries)

    outs = listed("outs") + listed("metrics")
    return Step(
        stage, name, listed("params"), tuple(map(Path, listed("deps"))), tuple(map(Path, outs))
    )


def _filled(text: str, known: Mapping[str, Any]) -> str:
    """The text with the values of its `${references}`."""
    return _REFERENCE.sub(lambda found: str(params.select(known, found.group(1))), text)


def only(content: Mapping[str, Any], models: list[str]) -> dict[str, Any]:
    """The parameters with these models alone, in this order.

    Raises:
        ParamsError: a model that the parameters lack.
    """
    for model in models:
        params.select(content, f"models.{model}")
    sections = ("models", "inputs", "search")
    chosen = {
        section: {name: content[section][name] for name in models if name in content[section]}
        for section in sections
    }
    return {**content, **chosen}


def folders() -> tuple[Path, ...]:
    """Where the outs of all steps are: what a fresh run removes."""
    return (paths.DATA, paths.REPORTS)
