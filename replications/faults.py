"""Measure what each fault of a protocol is worth alone: the table behind `reelbench lint-protocol`.

Fast models are trained on the default protocol and evaluated honestly and with every fault of an
evaluation; for a fault of the split, of the features or of a model they are trained again. One run
each: a difference within the intervals is noise. The table is data of the package (`measured.csv`),
so that an installed command reads it. `python -m replications faults` makes it.
"""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from typer.testing import CliRunner

from reelbench import faults, paths
from reelbench.claims import COLUMNS, MEASURED, Row, measured
from reelbench.cli import app
from reelbench.data.interactions import Interactions, Parts
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.evaluate import evaluate_on
from reelbench.evaluation.metrics import find
from reelbench.evaluation.rating_metrics import ErrorSums
from reelbench.evaluation.significance import intervals, resampling
from reelbench.evaluation.task import Task
from reelbench.faults import Fault
from reelbench.features.block import Features
from reelbench.files import atomic, read_json
from reelbench.models.base import ModelEntry, Recommender
from reelbench.seeds import generator, pin_runtime, seed_everything
from replications import runs
from replications.measure import FIRST_SEED, commit
from replications.runs import Ran, quoted

_LOG = logging.getLogger(__name__)

#: page of the documentation; its table stands between the two marks
PAGE = Path("docs/faults.md")
_BEGIN, _END = "<!-- worths -->", "<!-- end -->"
_COMMAND = re.compile(r"(```sh\n(reelbench [^\n]+)\n```\n\n```text\n).*?```", re.DOTALL)

METRICS = ("rmse", "mae", "ndcg_at_10", "recall_at_10", "precision_at_10", "hit_rate_at_10")
#: models by data set, with the network of the document that used it
MODELS = {
    "ml-100k": ("bias", "svdpp", "knn_user", "ials", "dnn", "ml100k_network"),
    "ml-latest-small": ("bias", "svdpp", "knn_user", "ials", "dnn", "latest_small_dnn"),
}
#: Hydra overrides; as many ratings in the parts as on the default protocol where that is possible
SPLITS = {
    "future_seen": ("split=random_by_user",),
    "random_rows": ("split=random", "split.test=0.1", "split.valid=0.11"),
    "tail_test": ("split=tail", "split.test=0.1", "split.valid=0.1"),
    "consecutive_folds": ("split=kfold", "split.folds=10", "split.shuffle=false"),
}
#: Hydra overrides for a network; `MODEL` stands for its name
NETWORKS = {
    "encoder_on_all_rows": "faults=[encoder_on_all_rows]",
    "validation_on_test": "+split.valid_rows=test",
    "tail_validation": "+split.valid_rows=tail",
    "untrained_ids": "models.MODEL.cold=untrained",
}
#: a network of 200 epochs, which no part of the ratings stops, is trained for these alone
SLOW = {"ml100k_network": ("future_seen", "random_rows", "encoder_on_all_rows")}
#: faults of an evaluation: the same trained model is evaluated otherwise
EVALUATED = tuple(fault for fault in Fault if fault is not Fault.ENCODER_ON_ALL_ROWS)
#: movies that stand for the catalogue beside those of test
SAMPLED = 100
#: grids of parameters, of which one is chosen on valid, or (a fault) on test
GRIDS: dict[str, dict[str, Sequence[float]]] = {
    "svdpp": {"epochs": (20, 30, 40), "regularization": (0.03, 0.06, 0.12)},
    "knn_user": {"k": (20, 40, 60, 100), "min_k": (1, 5, 12)},
    "ials": {"regularization": (3.0, 10.0, 30.0), "alpha": (1.0, 2.0, 5.0)},
}

CHOSEN_ON_TEST = "parameters_on_test"

#: figures by metric: value, and the ends of its 95 % interval
Figures = dict[str, tuple[float, float, float]]


class Trained(NamedTuple):
    """A model on its data."""

    ran: Ran
    model: Recommender
    parts: Parts

    def task(self, *faults: Fault) -> Task:
        """What it is evaluated on."""
        return task_of(self.ran, self.model, self.parts, faults)


def measure(
    root: Path | None = None, data: str | None = None, models: Sequence[str] = ()
) -> pd.DataFrame:
    """Measure one data set, or all of `MODELS`, and write the table; others keep their rows.

    Args:
        root: folder with the files of `data`; default: they are downloaded.
        models: only these models; default: all of the data set.

    Raises:
        StepError: a step failed.
    """
    folder = paths.DATA / "replication" / "faults"
    made = [
        row
        for name in ([data] if data else MODELS)
        for model in models or MODELS[name]
        for row in rows_of(name, model, root, folder)
    ]
    done = {(row["data"], row["model"]) for row in made}
    old = measured() if MEASURED.is_file() else ()
    rows = [r for r in old if (r["data"], r["model"]) not in done and r["fault"]] + made
    rows += baseline_rows({row["model"] for row in rows if row["data"] == "ml-100k"})
    table = write(rows)
    measured.cache_clear()
    write_page()
    return table


def write(rows: Sequence[Row], file: Path = MEASURED) -> pd.DataFrame:
    """Write the table, sorted, the honest figures last."""
    texts = ["data", "fault", "model", "metric", "commit"]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = table.columns.difference(texts)
    table = table.astype(dict.fromkeys(numbers, float))
    table = table.sort_values(texts[:3], kind="stable", ignore_index=True)
    with atomic(file) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6f", lineterminator="\n")
    return table


def rows_of(data: str, model: str, root: Path | None, folder: Path) -> Iterator[Row]:
    """Every fault of one model on one data set, without the metrics that it does not change."""

    def trained(*overrides: str) -> Trained:
        return train(folder, data, model, root, overrides)

    honest, code = trained(), commit()
    _LOG.info("%s: %s: evaluation", data, model)
    figures = figures_on(honest.task(), honest.model)
    found = {fault.value: figures_on(honest.task(fault), honest.model) for fault in EVALUATED}
    found |= {"sampled_candidates": sampled(honest), "seen_listed": listed(honest)}
    overrides = dict(SPLITS)
    if honest.ran.content["inputs"][model]:
        overrides |= {fault: (of.replace("MODEL", model),) for fault, of in NETWORKS.items()}
    for fault in SLOW.get(model, tuple(overrides)):
        other = trained(*overrides[fault])
        found[fault] = figures_on(other.task(), other.model)
    pairs = [(fault, figures, values) for fault, values in found.items()]
    if model in GRIDS:
        pairs.append((CHOSEN_ON_TEST, *chosen(honest, data)))
    for fault, without, values in pairs:
        for metric in METRICS:
            known = metric in values
            if known and (values[metric] != without[metric] or fault == CHOSEN_ON_TEST):
                yield row_of(data, model, metric, fault, without[metric], values[metric], code)


def row_of(
    data: str,
    model: str,
    metric: str,
    fault: str | None,
    honest: Sequence[float],
    value: Sequence[float] = (),
    code: str = "",
) -> Row:
    """A row of the table; figures are a value and the ends of its interval."""
    named = {"data": data, "model": model, "metric": metric, "fault": fault, "commit": code}
    figures = dict(zip(("honest", "honest_low", "honest_high"), honest, strict=False))
    figures |= dict(zip(("value", "low", "high"), value, strict=False))
    if value:
        figures["difference"] = value[0] - honest[0]
    return {**named, **figures}


def train(
    folder: Path, data: str, model: str, root: Path | None, overrides: Sequence[str]
) -> Trained:
    """Train a model with the stages of the pipeline."""
    special = ["features.tags.max_terms=100"] if model == "latest_small_dnn" else []
    where = [f"data.root={quoted(root)}"] if root else []
    common = [f"data={data}", f"models=[{model}]", "tracking=none", "evaluate.similarity=ids"]
    options = [*common, f"seed={FIRST_SEED}", *where, *special, *overrides]
    ran = runs.run(folder / f"{data}-{model}", folder / "store", options, model, upto="train")
    pin_runtime(ran.content["threads"])
    seed_everything(FIRST_SEED)
    files = (paths.TRAIN, paths.VALID, paths.TEST)
    parts = Parts(*(Interactions.from_parquet(ran.file(file)) for file in files))
    return Trained(ran, Recommender.load(ran.file(paths.model_dir(model))), parts)


def task_of(ran: Ran, model: Recommender, parts: Parts, faults: Sequence[Fault] = ()) -> Task:
    """What a model is evaluated on with the parameters of a run."""
    config = EvaluateConfig.model_validate(ran.content["evaluate"])
    movies = Movies.unknown(model.ids.n_items)
    return Task(parts, model.ids, config, movies, FIRST_SEED, faults)


def figures_on(task: Task, model: Recommender) -> Figures:
    """Metrics with their intervals; without those that the model lacks."""
    found = evaluate_on(task, model).metrics
    return {
        metric: (found[metric], *found["intervals"][metric])
        for metric in METRICS
        if found.get(metric) is not None
    }


def sampled(honest: Trained) -> Figures:
    """Each user's test movies ranked among `SAMPLED` others that they have not rated."""
    task, model = honest.task(), honest.model
    rng = generator(FIRST_SEED, "replication", "candidates")
    taken = (task.relevant + task.seen).toarray()
    keys = np.where(taken, np.inf, rng.random(taken.shape))
    others = np.argpartition(keys, SAMPLED, axis=1)[:, :SAMPLED]
    rows = np.repeat(np.arange(len(others)), SAMPLED)
    ones = np.ones(others.size, dtype=bool)
    drawn = sparse.csr_array((ones, (rows, others.ravel())), shape=taken.shape)
    task.own = (task.relevant + drawn).astype(bool)
    return figures_on(task, model)


def listed(honest: Trained) -> Figures:
    """Movies that the user rated in train are not removed from the lists."""
    task = honest.task()
    task.seen = sparse.csr_array(task.seen.shape, dtype=bool)
    return figures_on(task, honest.model)


def chosen(honest: Trained, data: str) -> tuple[Figures, Figures]:
    """Of a grid: figures on test of the best on valid, and of the best on test."""
    ran, parts = honest.ran, honest.parts
    ((name, section),) = ran.content["models"].items()
    key = "rmse" if honest.model.predicts_ratings else "ndcg_at_10"
    on_valid, on_test = [], []
    for values in product(*GRIDS[name].values()):
        entry = ModelEntry.model_validate(section | dict(zip(GRIDS[name], values, strict=True)))
        model = entry.create(name, seed=FIRST_SEED, threads=ran.content["threads"])
        model.fit(parts.train, parts.valid, Features(honest.model.ids))
        on_test.append(figures_on(task_of(ran, model, parts), model))
        as_test = Parts(parts.train, Interactions.empty(), parts.valid)
        on_valid.append(figures_on(task_of(ran, model, as_test), model)[key][0])
    scores = [figures[key][0] for figures in on_test]
    best = {
        of: values.index(find(key).extreme(values))
        for of, values in (("valid", on_valid), ("test", scores))
    }
    _LOG.info("%s: %s: best of %d: %s", data, name, len(scores), best)
    # the other metrics were not what it was chosen by
    return {key: on_test[best["valid"]][key]}, {key: on_test[best["test"]][key]}


def baseline_rows(without: set[str]) -> Iterator[Row]:
    """Honest figures of the other models of the committed baseline, which is of ml-100k."""
    metrics: Mapping[str, Mapping[str, Any]] = read_json(paths.BASELINE / "metrics.json")
    tables = dict(iter(pd.read_parquet(paths.BASELINE / "per_user.parquet").groupby("model")))
    for model in sorted(metrics.keys() - without):
        bounds = _intervals(tables[model])
        for metric in METRICS:
            if (value := metrics[model].get(metric)) is not None:
                yield row_of("ml-100k", model, metric, None, (value, *bounds.get(metric, ())))


def _intervals(table: pd.DataFrame) -> dict[str, list[float]]:
    """Intervals of the metrics whose values per user the baseline keeps."""
    names = ("n_test", "squared_error", "absolute_error", "ndcg_at_10")
    n, squared, absolute, gain = (table[name].to_numpy(float) for name in names)
    # only rmse and mae are taken, which need no other sums
    errors = ErrorSums(n, absolute, absolute, squared, n, squared)
    known = errors if np.isfinite(squared).all() else None
    found = intervals(known, {"ndcg_at_10": gain}, 1000, resampling(FIRST_SEED))
    return {metric: found[metric] for metric in METRICS if metric in found}


def write_page(file: Path = PAGE) -> None:
    """Bring the table of worths, and what the commands print, up to date in the page of faults."""
    text = page(file.read_text(encoding="utf-8"))
    with atomic(file) as temporary:
        temporary.write_text(text, encoding="utf-8")


def page(text: str) -> str:
    """The page of faults with what is measured now, and what its commands print now."""
    head, start, rest = text.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    tail = _COMMAND.sub(lambda m: f"{m[1]}{_output(m[2])}```", tail)
    return f"{head}{start}\n{_worths()}{end}{tail}"


def _worths() -> str:
    """A Markdown row per fault: what it is, its switch, and its worth on each data set."""
    lines = ["| Fault | What is done | Switch | RMSE | nDCG@10 |", "|---|---|---|---|---|"]
    for name, entry in faults.known().items():
        worths = [_worth(name, metric) for metric in ("rmse", "ndcg_at_10")]
        cells = [f"`{name}`", entry.about, _switch(name, entry.params), *worths]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _switch(fault: str, parameters: Mapping[str, Any]) -> str:
    """Parameters of a run that has the fault; a dash for one that no run here can have."""
    if fault in set(Fault):
        return f"`faults: [{fault}]`"
    if not parameters:
        return f"`{SPLITS[fault][0]}`" if fault in SPLITS else "\u2013"
    values = {
        key: "not empty" if value == "*" else str(value).lower() if value is False else value
        for key, value in parameters.items()
    }
    return ", ".join(f"`{key}: {value}`" for key, value in values.items())


def _worth(fault: str, metric: str) -> str:
    """Lowest and highest effect on each data set; a dash where none was measured."""
    parts = []
    for data in MODELS:
        wanted = (data, fault, metric)
        own = [r for r in measured() if (r["data"], r["fault"], r["metric"]) == wanted]
        effects = sorted(row["difference"] for row in own)
        texts = [f"{effect:+.4f}".replace("-", "\u2212") for effect in effects]
        if texts:
            parts.append(f"{data}: {' to '.join(dict.fromkeys((texts[0], texts[-1])))}")
    return "<br>".join(parts) or "\u2013"


def _output(command: str) -> str:
    """What one of our commands prints."""
    done = CliRunner().invoke(app, shlex.split(command)[1:])
    if done.exit_code not in (0, 1) or not done.output:
        raise RuntimeError(f"{command}: {done.exception!r}")
    return done.output.strip("\n") + "\n"
