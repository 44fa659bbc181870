"""A surface whose lowest point is known, in the place of a model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from reelbench.tuning.objective import Objective
from reelbench.tuning.space import read_space
from reelbench.tuning.study import Study

SPACE = {
    "rate": {"low": 0.001, "high": 1.0, "log": True},
    "size": {"low": 1, "high": 64},
    "kind": ["flat", "round", [1, 2]],
}
GRID: dict[str, Any] = {"rate": [0.01, 0.1, 0.5], "size": [8, 40], "kind": ["flat", "round"]}
DEFAULT: dict[str, Any] = {"rate": 0.5, "size": 8, "kind": "flat"}
BEST: dict[str, Any] = {"rate": 0.1, "size": 40, "kind": "round"}


def surface(setting: dict[str, Any]) -> float:
    """0.5 at `BEST`, more everywhere else."""
    distance = math.log10(setting["rate"] / 0.1) ** 2 + ((setting["size"] - 40) / 64) ** 2
    return 0.5 + distance + (0.0 if setting["kind"] == "round" else 0.3)


def study(space: dict[str, Any] = SPACE, **options: Any) -> Study:
    given: dict[str, Any] = {"trials": 12, "seconds": None, "seed": 3, "value": surface}
    parsed = read_space("toy", space, Path("toy.yaml"))
    default = options.pop("default", {name: DEFAULT.get(name) for name in space})
    objective = options.pop("objective", Objective("rmse", minimize=True))
    return Study("toy", parsed, default, objective, **given | options)
