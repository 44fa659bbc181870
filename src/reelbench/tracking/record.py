"""What the files on disk state about a model, a search or a run of the pipeline.

A record is the content of one MLflow run, as flat names and values. Nothing here imports MLflow.
A file that does not exist (yet) leaves its part empty.
"""

import hashlib
import json
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from reelbench import faults, params, paths, provenance
from reelbench.costs import cpu_seconds_of_search, energy_of
from reelbench.data import identity
from reelbench.evaluation import evaluated_runs
from reelbench.evaluation.metrics import find, is_metric
from reelbench.files import read_json, read_json_if_any, sha256_file, sha256_json, sha256_tree
from reelbench.models.base import ModelEntry
from reelbench.reporting.tuning import finished_searches, tuning_costs

#: tags by which a run is found again: of a model, a search, a trial of it, a run of the pipeline
MODEL, MODEL_HASH = "reelbench.model", "reelbench.model_sha256"
SEARCH, SEARCH_HASH = "reelbench.search", "reelbench.search_hash"
TRIAL, STATE_HASH = "reelbench.trial", "reelbench.state_hash"
FAULTS = "faults"  # tag of a run with faults, and of no other
TEST_GROUPS = ("test/", "cohort/")  # beginnings of names of `test_metrics`, beside `cost/…`
CHAMPION = "champion"  # alias of the best model in the registry
#: cost → its name with the unit in the table of runs, and the unit
SHOWN_COSTS = {
    "train_seconds": ("train s", 1),
    "score_microseconds_per_user": ("µs per user", 1),
    "peak_memory_bytes": ("peak MB", 1e6),
    "energy_wh": ("energy Wh", 1),
}

_LOCK = Path("dvc.lock")
# of a run of the pipeline, as far as they exist
_REPORTS = (paths.LEADERBOARD_CSV, paths.LEADERBOARD_MD, paths.COMPARISONS_CSV, paths.INDEX_HTML)
_FILES = (paths.PARAMS, _LOCK, *_REPORTS)


class StaleError(ValueError):
    """Files on disk that do not belong together; the message says what to run."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What every run has. A trial of a search has nothing else, and if it failed, no metric."""

    experiment: str  # data set, its content and split: `ml-100k-5a1b0c3d/temporal_user`
    name: str  # of the run
    same: dict[str, str]  # tags that no other run has, unless it is one with other faults
    parameters: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class ModelRecord(Record):
    """A model on disk, found by the SHA-256 of its folder; its `cost/…` are metrics."""

    model: str  # its name, to which that of the run adds the faults
    evaluation_hash: str | None  # SHA-256 of the results; None before they are of these faults
    curves: Sequence[tuple[str, float, float]] = ()  # (`curve/train_loss`, epoch, value)
    #: (`system/cpu_percent`, seconds of training, value): MLflow shows such names separately
    system: Sequence[tuple[str, float, float]] = ()
    test_metrics: dict[str, float]  # `test/…`, `cohort/…` and `cost/…`
    #: name → text with four digits and interval, in the table of runs, where MLflow rounds metrics
    shown: dict[str, str]
    #: `name==version` of the packages that the model needs to answer; none of an imported run
    requirements: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class SearchRecord(Record):
    """All trainings of a search: its budget, space, objective, searcher and seed.

    Its metrics are `valid/…` of the best, `default/…` of the parameters of `conf/`, `importance/…`
    of each parameter, and `cost/tune_…`. Times of another run are not in its hash.
    """

    trials: Sequence[Record]  # in their order


@dataclass(frozen=True, kw_only=True)
class PipelineRecord(Record):
    """The models that were trained and evaluated together: data, split, seed and threads.

    Its name is such as `28 models at a66ed72`, or `28 models with score_train_rows at a66ed72`. Its
    metric is `best/…`, the champion's value; its tags have hashes of all that DVC has locked.
    """

    models: Sequence[ModelRecord]
    champion: str | None  # the best model by the champion's metric; None where no model has it
    metric: str  # key of that metric
    cards: dict[str, str]  # by model what the registry says of it; of the champion why it is that
    files: Sequence[Path]  # to be kept with the run


ReadModel = Callable[[str], ModelRecord]


def registered_name(experiment: str) -> str:
    """Registered model of an experiment; MLflow allows no slash there.

    >>> registered_name("ml-100k-5a1b0c3d/temporal_user")
    'ml-100k-5a1b0c3d.temporal_user'
    """
    return experiment.replace("/", ".")


def experiment_of(named: Mapping[str, Any]) -> str:
    """Experiment of the data and the split on disk, which `named` has where no file has them."""
    known = {key: value for key, value in identity.read_data().items() if value is not None}
    return identity.label({**named, **known})


def read_model(model: str) -> ModelRecord:
    """The record of a model; a StaleError if it was trained with other parameters or ratings."""
    content, folder = params.read(), paths.model_dir(model)
    if paths.run_facts(model).is_file():
        return _read_run(model, content)
    entry = params.load(f"models.{model}", ModelEntry)
    inputs = read_json_if_any(folder / "inputs.json")
    _check(folder, entry, inputs, content)
    common, switched_on = _common(content), faults.named(content, model)
    origin = _origin(switched_on)
    evaluated = paths.metrics(model).is_file() and evaluated_with(model) == switched_on
    # its cost differs every time, and a comment in the code, which gives the same, its inputs
    counted = (paths.evaluation_dir(model), paths.evaluation_inputs(model))
    cost, file = read_json_if_any(paths.train_cost(model)), paths.curves(model)
    cost |= energy_of(cost) | tuning_costs({model: content["models"][model]})[model]
    curves = pd.read_csv(file) if file.is_file() else pd.DataFrame()
    needed = requirements("reelbench.serving.pyfunc", entry.target.rpartition(".")[0])
    tags = {
        **common,
        "machine": {"host": platform.node()} | cost.get("machine", {}),
        **{key: cost[key] for key in ("energy_source",) if key in cost},
        "input": inputs,
        "package": dict(name.split("==") for name in needed),
        # what MLflow's own columns "Source" and "Version" show
        "mlflow.source": {"type": "LOCAL", "name": f"train@{model}"}
        | {key: value for key, value in origin.items() if key == "git.commit"},
    }
    return ModelRecord(
        model=model,
        experiment=experiment_of(common),
        name=_named(model, switched_on),
        same={MODEL: model, MODEL_HASH: sha256_tree(folder)},
        evaluation_hash=sha256_tree(*counted) if evaluated else None,
        parameters=_flat(content["models"][model]),
        tags=origin | _flat(tags),
        curves=_series("curve", "epoch", curves),
        system=_series("system", "seconds", pd.DataFrame(cost.get("system", ()))),
        metrics=_numbers("cost", cost),
        test_metrics=_test_metrics(model) if evaluated else {},
        shown=_shown(model, cost) if evaluated else {},
        requirements=needed,
    )


def _read_run(name: str, content: Mapping[str, Any]) -> ModelRecord:
    """The record of an imported run, which has no model and no training of ours."""
    common, facts = _common(content), read_json(paths.run_facts(name))
    cost, switched_on = facts["cost"], faults.named(content)
    counted = (paths.evaluation_dir(name), paths.evaluation_inputs(name))
    tags = {key: facts[key] for key in ("family", "source", "left_out")}
    return ModelRecord(
        model=name,
        experiment=experiment_of(common),
        name=_named(name, switched_on),
        same={MODEL: name, MODEL_HASH: sha256_file(paths.imported_run(name))},
        evaluation_hash=sha256_tree(*counted),
        parameters={},
        tags=_origin(switched_on) | _flat(common | tags),
        metrics=_numbers("cost", cost | energy_of(cost)),
        test_metrics=_test_metrics(name),
        shown=_shown(name, cost),
    )


def read_search(model: str) -> SearchRecord:
    """The record of a finished search on the current data; a StaleError if there is none."""
    content = finished_searches().get(model)
    if content is None:
        raise StaleError(f"{model} has no finished search: run `reelbench tune {model}`")
    seconds: dict[str, float] = {}
    # a committed search is of another machine, and the seconds of this one are of another search
    if read_json_if_any(paths.tuning(model)) == content:
        seconds = read_json_if_any(paths.tune_cost(model))["seconds"]
        content = content | cpu_seconds_of_search(model)
    same = {key: value for key, value in content.items() if key != "cpu_seconds"}
    experiment, winner = experiment_of(content), content["winner"]
    metric = content["objective"]["metric"]
    values = {row["number"]: row["value"] for row in content["trials"]}
    cost: dict[str, Any] = {"tune_trials": len(values), "tune_seconds": sum(seconds.values())}
    cost["tune_cpu_seconds"] = content.get("cpu_seconds")
    cost["tune_failed"] = sum(value is None for value in values.values())
    kept = ("model", "searcher", "seed", "threads", "budget", "objective", "space", "default")
    # what was found differs from what is set, where there is a name for both
    found = {"data": content["data"], "split": content["split"], "input": content["inputs"]}
    return SearchRecord(
        experiment=experiment,
        name=f"tune {model}",
        same={SEARCH: model, SEARCH_HASH: sha256_json(same)},
        parameters=_flat({key: content[key] for key in (*kept, "ended")}),
        metrics=_numbers("valid", {metric: values.get(winner)})
        | _numbers("default", {metric: values.get(1)})
        | _numbers("importance", content.get("importances", {}))
        | _numbers("cost", cost),
        tags=_origin() | _flat(found | {"winner": winner}),
        trials=[
            Record(
                experiment=experiment,
                name=(name := str(row["number"])),
                same={TRIAL: name},
                parameters=_flat(content["parameters"] | row["parameters"]),
                metrics=_numbers("valid", {metric: row["value"]})
                | _numbers("cost", {"tune_seconds": seconds.get(name)}),
                tags={"winner": _text(row["number"] == winner)}
                | ({"error": row["error"]} if row["error"] else {}),
            )
            for row in content["trials"]
        ],
    )


def read_pipeline(
    models: Iterable[str], metric: str, read: ReadModel = read_model
) -> PipelineRecord:
    """The record of the last run of the pipeline, in which these models were evaluated.

    `metric` is the key of the one that decides the champion, such as `ndcg_at_10`, else an
    UnknownMetricError; `read` is `read_model`, or one that remembers what it has read.
    """
    content, records, key = params.read(), [read(model) for model in models], f"test/{metric}"
    own = [record for record in records if record.requirements]  # an imported run cannot serve
    scores = {r.model: r.test_metrics[key] for r in own if key in r.test_metrics}
    champion = find(metric).best(scores)
    common, switched_on = _common(content), faults.named(content)
    origin = _origin(switched_on)
    states = sorted(f"{r.name} {r.same[MODEL_HASH]} {r.evaluation_hash}" for r in records)
    parts = (paths.TRAIN, paths.VALID, paths.TEST, paths.PROFILE, _LOCK)
    tags = {
        "input": {file.stem: sha256_file(file) for file in parts if file.is_file()},
        "catalogue": read_json_if_any(paths.CATALOGUE),
        "champion.metric": metric,
    }
    name = _named(f"{len(records)} model{'' if len(records) == 1 else 's'}", switched_on)
    if commit := origin.get("git.commit"):
        name += f" at {commit[:7]}" + (" with changes" if origin["git.dirty"] == "true" else "")
    return PipelineRecord(
        experiment=experiment_of(common),
        name=name,
        same={STATE_HASH: hashlib.sha256("\n".join(states).encode()).hexdigest()},
        models=records,
        champion=champion,
        metric=metric,
        cards=_cards(own, champion, metric),
        parameters=_flat(common),
        metrics={} if champion is None else {f"best/{metric}": scores[champion]},
        tags=origin | _flat(tags),
        files=[file for file in _FILES if file.is_file()],
    )


def _cards(records: Iterable[ModelRecord], champion: str | None, metric: str) -> dict[str, str]:
    """By model a line of Markdown; of the champion also against whom it stands, and how surely."""
    title = find(metric).title
    texts = {r.model: _value(read_json_if_any(paths.metrics(r.model)), metric) for r in records}
    cards = {model: f"`{model}`: {title} {text} on test" for model, text in texts.items() if text}
    if champion is None:
        return cards
    lines = [f"**Champion**, the best of {len(cards)} models by {title}. {cards[champion]}."]
    file = paths.COMPARISONS_CSV
    rows = pd.read_csv(file).to_dict("records") if file.is_file() else []
    own = [r for r in rows if r["metric"] == metric and {r["first"], r["second"]} <= cards.keys()]
    own = [r for r in own if champion in (r["first"], r["second"])]
    for pair in sorted(own, key=lambda row: abs(row["difference"]))[:1]:
        sign, other = (1, pair["second"]) if pair["first"] == champion else (-1, pair["first"])
        low, high = sorted(sign * pair[end] for end in ("low", "high"))
        verdict = "better" if pair["better"] == champion else pair["verdict"]
        lines.append(
            f"Runner-up: {cards[other]}. Difference {sign * pair['difference']:+.4f} "
            f"[{low:+.4f}, {high:+.4f}], simultaneous 95 % interval: {verdict}."
        )
    lines.append("It is the best of many on test, so its value there is optimistic.")
    return cards | {champion: "\n\n".join(lines)}


def requirements(*modules: str) -> list[str]:
    """`name==version` of every distribution that these modules of reelbench import, sorted.

    MLflow would find out by loading and calling every model in a process of its own (3 s each).
    """
    graph, known = _imports()
    reached = set().union(*map(graph.find_upstream_modules, modules))
    names = {name for module in reached for name in known.get(module, ())} - {"reelbench"}
    # "+cpu" and the like name a build that no index has under this very version
    return sorted(f"{name}=={metadata.version(name).partition('+')[0]}" for name in names)


@cache
def _imports() -> tuple[Any, Mapping[str, list[str]]]:
    """The imports in the source, those in functions too, and distributions by top-level name."""
    import grimp

    options = {"include_external_packages": True, "exclude_type_checking_imports": True}
    graph = grimp.build_graph("reelbench", **options, cache_dir=None)
    return graph, metadata.packages_distributions()


def evaluated_models() -> list[str]:
    """Models of `params.yaml` that have been evaluated.

    A StaleError if with other faults, so that honest and other figures would mix, or if `data/` is
    of other data or another split.
    """
    if reason := identity.mismatch():
        raise StaleError(reason)
    content = params.read()
    names: list[str] = params.select(content, "models")
    known = [m for m in names if paths.model_dir(m).is_dir() and paths.metrics(m).is_file()]
    known += evaluated_runs()
    for model in known:
        found, switched_on = evaluated_with(model), faults.named(content, model)
        if found != switched_on:
            raise StaleError(
                f"{paths.metrics(model)} was made with faults: {found or 'none'}, and "
                f"{paths.PARAMS} has {switched_on or 'none'}: run `dvc repro`"
            )
    return known


def evaluated_with(model: str) -> str:
    """Names of the faults of the evaluation on disk, such as `a, b`; empty for none."""
    return ", ".join(sorted(read_json_if_any(paths.metrics(model)).get("faults", ())))


def _check(
    folder: Path, entry: ModelEntry, inputs: Mapping[str, Any], content: Mapping[str, Any]
) -> None:
    """Refuse to label a model with parameters and data that it was not trained with."""
    if not folder.is_dir():
        raise StaleError(f"{folder} is missing: run `dvc repro train@{folder.name}`")
    trained = read_json(folder / "model.json")
    declared = entry.create(folder.name, seed=0, threads=content["threads"])
    split = read_json_if_any(paths.SPLIT_COUNTS).get("name")
    same = {
        "parameters": trained["config"] == declared.config.model_dump(mode="json"),
        "threads": trained["threads"] == declared.threads,
        "split": split in (None, content["split"]["name"]),
        "ratings": inputs.get("train") in (None, sha256_file(paths.TRAIN)),
    }
    other = ", ".join(name for name, agrees in same.items() if not agrees)
    if other:
        raise StaleError(f"{folder} was made with other {other} than the current: run `dvc repro`")


def _common(content: Mapping[str, Any]) -> dict[str, Any]:
    named = {key: content[key]["name"] for key in ("data", "split")}
    named |= {key: value for key, value in identity.read_data().items() if value is not None}
    return named | {key: content[key] for key in ("seed", "threads")}


def _named(what: str, switched_on: str) -> str:
    return f"{what} with {switched_on}" if switched_on else what


def _origin(switched_on: str = "") -> dict[str, str]:
    """Tags: commit and whether the tree differs from it, if in a checkout; the faults, if any."""
    found = provenance.revision()
    git = {"git.commit": found.commit, "git.dirty": _text(found.dirty)} if found else {}
    return git | ({FAULTS: switched_on} if switched_on else {})


def _series(group: str, by: str, table: pd.DataFrame) -> list[tuple[str, float, float]]:
    """The numbers of a table, one column of which has their epoch or time."""
    if by not in table:
        return []
    values = table.melt(by).dropna().itertuples(index=False)
    return [(f"{group}/{key}", place, value) for place, key, value in values]


def _test_metrics(model: str) -> dict[str, float]:
    content = read_json_if_any(paths.metrics(model))
    intervals, cohorts = content.pop("intervals", {}), content.pop("cohorts", {})
    ends = {
        f"{key}_{end}": value
        for key, bounds in intervals.items()
        for end, value in zip(("low", "high"), bounds, strict=True)
    }
    by_cohort = {f"{name}_{key}": v for name, own in cohorts.items() for key, v in own.items()}
    cost = read_json_if_any(paths.evaluate_cost(model))
    renamed = {"peak_memory_bytes": "evaluate_peak_memory_bytes"}
    cost = {renamed.get(key, key): value for key, value in cost.items()}
    return _numbers("test", content | ends) | _numbers("cohort", by_cohort) | _numbers("cost", cost)


def _shown(model: str, cost: Mapping[str, Any]) -> dict[str, str]:
    """Columns of MLflow's table: metrics with their intervals, then costs with their units."""
    content = read_json_if_any(paths.metrics(model))
    costs = read_json_if_any(paths.evaluate_cost(model)) | cost
    keys = [key for key in content if is_metric(key) and find(key).leaderboard]
    # MLflow allows no "@" in the name of a tag
    found = {find(key).title.replace("@", " at "): _value(content, key) for key in keys}
    for key, (name, unit) in SHOWN_COSTS.items():
        if isinstance(costs.get(key), int | float):
            found[name] = f"{costs[key] / unit:.4g}"
    return {name: text for name, text in found.items() if text}


def _value(content: Mapping[str, Any], key: str) -> str:
    """A metric with four digits and its interval; empty where there is none."""
    value, bounds = content.get(key), content.get("intervals", {}).get(key)
    if value is None:
        return ""
    digits = find(key).digits
    ends = f" [{', '.join(f'{end:.{digits}f}' for end in bounds)}]" if bounds else ""
    return f"{value:.{digits}f}{ends}"


def _numbers(group: str, content: Mapping[str, object]) -> dict[str, float]:
    """The numbers among the values; what is null or nested is skipped."""
    return {
        f"{group}/{key}": float(value)
        for key, value in content.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _flat(content: Mapping[str, object]) -> dict[str, str]:
    """Leaves of nested mappings as text, under dotted names."""
    return {name: _text(value) for name, value in params.flat(content).items()}


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_text(element) for element in value)
    return value if isinstance(value, str) else json.dumps(value)
