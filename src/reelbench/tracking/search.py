"""The record of one finished search in flat names and values.

Nothing here knows MLflow, and nothing of the run is taken from `params.yaml`: the file may be of
another data set or of other parameters than those that are set now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reelbench import paths
from reelbench.files import read_json, sha256_json
from reelbench.reporting.tuning import finished_searches
from reelbench.tracking.record import StaleError, flat, git, text


@dataclass(frozen=True)
class Trial:
    """One training of a search; a failed one has no metric but its seconds."""

    number: int
    parameters: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]


@dataclass(frozen=True)
class Search:
    """All trainings of a search.

    Attributes:
        experiment: data set and split, `ml-100k/temporal_user`.
        search_hash: SHA-256 of the record; times of another run are not in it.
        parameters: budget, space, objective, searcher and seed.
        metrics: `valid/…` of the best, `default/…` of the parameters of `conf/`, `importance/…` of
            each parameter, `cost_tune/…`.
        tags: data, code and inputs.
    """

    model: str
    experiment: str
    search_hash: str
    parameters: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    trials: list[Trial]


def read(model: str) -> Search:
    """Collect everything about a search that came to its end.

    Raises:
        StaleError: it did not, or there is none.
    """
    content = finished_searches().get(model)
    if content is None:
        raise StaleError(f"{model} has no finished search: run `reelbench tune {model}`")
    seconds: dict[str, float] = {}
    # a committed search is of another machine, and the seconds of this one are of another search
    if paths.tuning(model).is_file() and read_json(paths.tuning(model)) == content:
        seconds = read_json(paths.tune_cost(model))["seconds"]
    return Search(
        model=model,
        experiment=f"{content['data']}/{content['split']}",
        search_hash=sha256_json(content),
        parameters=_parameters(content),
        metrics=_metrics(content, seconds),
        tags=git()
        | _flat_text({"data": content["data"], "split": content["split"]})
        # what was found differs from what is set, where there is a name for both
        | _flat_text({"input": content["inputs"], "winner": content["winner"]}),
        trials=[_trial(row, content, seconds) for row in content["trials"]],
    )


def _parameters(content: Mapping[str, Any]) -> dict[str, str]:
    kept = ("searcher", "seed", "threads", "budget", "objective", "space", "default", "ended")
    return _flat_text({"model": content["model"]} | {name: content[name] for name in kept})


def _metrics(content: Mapping[str, Any], seconds: Mapping[str, float]) -> dict[str, float]:
    values = {row["number"]: row["value"] for row in content["trials"]}
    metric = content["objective"]["metric"]
    found = {f"valid/{metric}": values.get(content["winner"]), f"default/{metric}": values.get(1)}
    found |= {"cost_tune/trials": len(values), "cost_tune/seconds": sum(seconds.values())}
    found |= {f"importance/{name}": v for name, v in content.get("importances", {}).items()}
    found["cost_tune/failed"] = sum(value is None for value in values.values())
    return {name: float(value) for name, value in found.items() if value is not None}


def _trial(
    row: Mapping[str, Any], content: Mapping[str, Any], seconds: Mapping[str, float]
) -> Trial:
    number = row["number"]
    metrics = {f"valid/{content['objective']['metric']}": row["value"]}
    metrics["cost_tune/seconds"] = seconds.get(str(number))
    error = {"error": row["error"]} if row["error"] else {}
    return Trial(
        number=number,
        parameters=_flat_text(content["parameters"] | row["parameters"]),
        metrics={name: value for name, value in metrics.items() if value is not None},
        tags={"winner": text(number == content["winner"])} | error,
    )


def _flat_text(content: Mapping[str, Any]) -> dict[str, str]:
    return {key: text(value) for key, value in flat(content)}
