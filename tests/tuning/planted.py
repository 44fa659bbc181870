"""A surface whose lowest point is known, in the place of a model."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from reelbench.evaluation import metrics
from reelbench.tuning.search import Search, Searcher, spend
from reelbench.tuning.space import read_space

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


def a_search(space: dict[str, Any] = SPACE, **options: Any) -> Search:
    """A search of the surface, in a journal of its own unless one is given."""
    given: dict[str, Any] = {
        "n_trials": options.pop("trials", 12),
        "seconds": None,
        "seed": 3,
        "value": surface,
    }
    given["journal"] = Path(mkdtemp()) / "journal.log"
    parsed = read_space("toy", space, Path("toy.yaml"))
    default = options.pop("default", {name: DEFAULT.get(name) for name in space})
    objective = metrics.find(options.pop("objective", "rmse"))
    return Search("toy", parsed, default, objective, **given | options)


def searched(searcher: Searcher, *args: Any, **options: Any) -> Search:
    """The same, run to its end."""
    found = a_search(*args, **options)
    spend(found, searcher)
    return found
