"""The result of a search: a file after every trial, one file for all models, and `conf/`."""

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from reelbench import paths
from reelbench.costs import cpu_seconds_of_search
from reelbench.files import atomic, read_json, read_json_if_any, write_json
from reelbench.seeds import seed_for
from reelbench.tuning.objective import Problem, TuneConfig
from reelbench.tuning.search import Search, TuningError
from reelbench.tuning.space import Space

Record = dict[str, Any]  # content of `paths.tuning(model)`: conditions, trials and end

# the parameters of `evaluate` on which a ranking metric depends
_RANKED = {"k", "min_relevant_rating", "candidates", "rank_by"}
_NO_FOLDING = 10_000  # longer lines of a file would be folded


def describe(
    problem: Problem,
    space: Space,
    config: TuneConfig,
    searcher: str | None,
    content: Mapping[str, Any],
    code: str,
) -> Record:
    """Everything that a search depends on: where this is equal, so are its trials.

    Args:
        searcher: its name; None where there is nothing to tune.
        content: of `params.yaml`.
        code: hash of the code of all models, since other code may find other values.
    """
    model, objective = problem.model, problem.objective
    recommender = problem.entry.create(model, seed=problem.seed, threads=problem.threads)
    parameters = recommender.config.model_dump(mode="json")
    return {
        "model": model,
        "parameters": parameters,
        "default": {name: parameters[name] for name in space},
        "space": space.describe(),
        "searcher": searcher,
        "seed": seed_for(content["seed"], "tune", model),
        "model_seed": problem.seed,
        "threads": problem.threads,
        "budget": {"trials": config.trials, "seconds": config.seconds},
        "objective": {"metric": objective.key, "minimize": objective.better == "lower"},
        "evaluate": problem.config.model_dump(mode="json", include=_RANKED),
        "data": content["data"]["name"],
        "split": content["split"]["name"],
        "inputs": read_json(paths.model_inputs(model)),
        "models_code": code,
    }


def write(description: Record, search: Search, *, ended: bool = False) -> Record:
    """Write and return the trials so far; at the end also winner, importances and why it ended.

    Seconds and CPU-seconds have a file of their own, since they differ every time.
    """
    model, trials, best = description["model"], search.trials, search.best
    seconds = {str(trial.number): round(trial.seconds, 3) for trial in trials}
    cpu = {str(trial.number): trial.cpu_seconds for trial in trials}
    write_json(paths.tune_cost(model), {"seconds": seconds, "cpu_seconds": cpu})
    content = description | {
        "trials": [
            {key: value for key, value in asdict(trial).items() if not key.endswith("seconds")}
            for trial in trials
        ],
        "winner": best.number if best and ended else None,
        "importances": search.importances() if ended else {},
        "ended": (search.limit or "every setting tried") if ended else None,
    }
    write_json(paths.tuning(model), content)
    return content


def publish(content: Record) -> None:
    """Put the record of a finished search, with its CPU-seconds, into the file that git carries."""
    known, model = read_json_if_any(paths.TUNING), content["model"]
    write_json(paths.TUNING, known | {model: content | cpu_seconds_of_search(model)})


def new_parameters(content: Record) -> dict[str, Any]:
    """What a finished search would change: parameter → value, empty where the default won."""
    trial = next((row for row in content["trials"] if row["number"] == content["winner"]), None)
    found = {} if trial is None else trial["parameters"]
    return {name: value for name, value in found.items() if value != content["default"][name]}


def summary(content: Record) -> str:
    """One line: the best value, against that of the parameters of `conf/`."""
    model, metric = content["model"], content["objective"]["metric"]
    values = {row["number"]: row["value"] for row in content["trials"]}
    if not values:
        return f"{model}: nothing to tune"
    first, best = values[1], values[content["winner"]]
    default = "failed" if first is None else f"{first:.5f}"
    new = new_parameters(content)
    setting = ", ".join(f"{name}={value}" for name, value in new.items())
    return (
        f"{model}: {metric} {best:.5f} in {len(values)} trials, {default} with the parameters "
        f"of conf/{f'; best: {setting}' if new else ', which stay the best'}"
    )


def write_to_conf(
    searches: Iterable[Record], compose: Callable[[], Mapping[str, Any]]
) -> list[str]:
    """Write the winners to `conf/models/`, then `params.yaml`; lines that name what was written.

    Args:
        compose: writes `params.yaml` and returns its content.

    Raises:
        TuningError: a model has no file of its own, or another file of `conf/` overrides it.
        ParamsError: what was written does not compose.
    """
    new = {one["model"]: found for one in searches if (found := new_parameters(one))}
    lines = []
    for model, parameters in new.items():
        file = paths.model_conf(model)
        if not file.is_file():
            raise TuningError(
                f"{file} is missing: only a model with a file of its own can be written"
            )
        text = changed(file.read_text(encoding="utf-8"), model, parameters)
        with atomic(file) as temporary:
            temporary.write_text(text, encoding="utf-8")
        lines.append(f"{file}: {', '.join(parameters)} written")
    composed = compose()["models"]
    for model, parameters in new.items():
        other = [name for name, value in parameters.items() if composed[model][name] != value]
        if other:
            raise TuningError(
                f"{paths.model_conf(model)} was written, but models.{model}.{other[0]} is composed "
                "from elsewhere: put _self_ at the end of the file's defaults"
            )
    return [*lines, f"{paths.PARAMS}: composed from {paths.CONF}/"]


def changed(text: str, model: str, parameters: Mapping[str, Any]) -> str:
    """A model's file with other values below `models.MODEL`; comments and layout stay.

    A parameter that the file does not set yet is added.

    Raises:
        TuningError: the text has no section `models.MODEL`.
    """
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.default_flow_style = None  # a new list or mapping stays on its line
    yaml.width = _NO_FOLDING
    # as the files of conf/ are written: list items two in from their key, and null by its name
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    content = yaml.load(text)
    section = (content.get("models") or {}).get(model)
    if not isinstance(section, dict):
        raise TuningError(f"conf/models/{model}.yaml has no section models.{model} to write to")
    section.update(parameters)
    stream = io.StringIO()
    yaml.dump(content, stream)
    return stream.getvalue()
