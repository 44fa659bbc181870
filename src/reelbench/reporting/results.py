"""What is known of the models: files of the other stages, published figures, replications."""

import ast
import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources, util
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from reelbench import paths
from reelbench.costs import energy_of
from reelbench.features.block import IDS
from reelbench.files import read_json, read_json_if_any
from reelbench.models.network.summary import Layer


class ReportError(ValueError):
    """A file that the report needs is missing; the message names the command that makes it."""


@dataclass(frozen=True)
class Result:
    """Files of one model."""

    name: str
    metrics: dict[str, Any]  # content of `paths.metrics`
    #: content of the cost files; empty without a file
    train_cost: dict[str, Any]
    evaluate_cost: dict[str, Any]
    curves: pd.DataFrame  # `epoch`, `train_loss`, `valid_loss`; no rows for a model without epochs
    #: tables of the evaluation
    per_user: pd.DataFrame
    predictions: pd.DataFrame
    #: content of `paths.cohorts` and `paths.calibration`
    cohorts: pd.DataFrame = field(default_factory=pd.DataFrame)
    calibration: pd.DataFrame = field(default_factory=pd.DataFrame)
    #: of a network, each after those that it reads; empty for any other model
    layers: Sequence[Layer] = ()
    base: str | None = None  # of re-ranked lists: the model whose lists they are
    family: str = ""  # module of its class, such as `knn`; `imported` for another library's run
    read: Sequence[str] = ()  # declared feature blocks in which the data set has something
    empty: Sequence[str] = ()  # declared feature blocks in which it has nothing
    made_by: str = ""  # class and parameters; empty where unknown
    about: str = ""  # what the module of its class says that it is; empty where unknown

    def reads_like(self, other: "Result") -> bool:
        """Whether both are of one class, and the same is left of what they declare."""
        mine, theirs = (r.made_by.partition(" ")[0] for r in (self, other))
        return bool(mine) and mine == theirs and {*self.read} == {*other.read}

    @property
    def predicts_ratings(self) -> bool:
        """False for a model that only ranks."""
        return self.metrics.get("rmse") is not None

    @property
    def faults(self) -> list[str]:
        """Names of the faults that were on, sorted; empty for an honest result."""
        return sorted(self.metrics.get("faults", ()))

    @property
    def settings(self) -> dict[str, Any]:
        """Parameters by name; empty where unknown."""
        return json.loads(self.made_by.partition(" ")[2] or "null") or {}

    @property
    def parameters(self) -> int:
        """Number of trained parameters in all layers."""
        return sum(layer.parameters for layer in self.layers)


def read_result(model: str, tuning: Mapping[str, float] | None = None) -> Result:
    """Read the files of a model; `tuning` has costs that are not among them.

    Raises:
        ReportError: the model is not evaluated yet.
    """
    needed = (paths.metrics(model), paths.per_user(model), paths.predictions(model))
    missing = [file for file in needed if not file.is_file()]
    if missing:
        raise ReportError(f"{missing[0]} is missing: run `dvc repro evaluate`")
    saved = read_json_if_any(paths.model_dir(model) / "model.json")
    inputs = read_json_if_any(paths.model_dir(model) / "inputs.json")
    empty = inputs.get("empty", [])
    made_by = (saved.get("_target_", ""), json.dumps(saved.get("config"), sort_keys=True))
    run = read_json_if_any(paths.run_facts(model))
    cost = run.get("cost") or read_json_if_any(paths.train_cost(model))
    return Result(
        name=model,
        metrics=read_json(paths.metrics(model)),
        train_cost=cost | energy_of(cost) | (tuning or {}),
        evaluate_cost=read_json_if_any(paths.evaluate_cost(model)),
        curves=_table(paths.curves(model), ["epoch", "train_loss", "valid_loss"]),
        per_user=pd.read_parquet(paths.per_user(model)),
        predictions=pd.read_parquet(paths.predictions(model)),
        cohorts=_table(paths.cohorts(model)),
        calibration=_table(paths.calibration(model)),
        layers=[Layer.of(stored) for stored in read_json_if_any(paths.layers(model))],
        base=next(iter(saved.get("config", {}).get("base", {})), None),
        family=run.get("family")
        or saved.get("_target_", "").removeprefix("reelbench.models.").partition(".")[0],
        read=sorted({*inputs.get("features", ())} - {IDS, *empty}),
        empty=empty,
        made_by=" ".join(made_by) if saved else "",
        about=_about(made_by[0].rpartition(".")[0]),
    )


def _about(module: str) -> str:
    """The first line of a module's docstring, which names its models, without their names."""
    try:
        found = util.find_spec(module) if module else None
    except ImportError:
        found = None
    if found is None or not found.origin:
        return ""
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    line = (ast.get_docstring(tree) or "").partition("\n")[0]
    return line.partition(": ")[2] or line


def twins(results: Sequence[Result]) -> dict[str, str]:
    """Models that are another under a name of their own: name of the other by their name.

    They have the same class and parameters, and without their empty blocks read the same; or the
    same predictions and metrics of every user. The other is the one with the fewest empty blocks.
    """
    found: dict[str, str] = {}
    first: dict[str, Result] = {}
    for result in sorted(results, key=lambda result: len(result.empty)):
        answers = (pd.util.hash_pandas_object(t) for t in (result.per_user, result.predictions))
        digest = hashlib.sha256(b"".join(hashes.to_numpy().tobytes() for hashes in answers))
        same = first.setdefault(digest.hexdigest(), result)
        if result.empty:
            alike = (o for o in first.values() if o.made_by == result.made_by)
            same = next(filter(result.reads_like, alike), same)
        if same is not result:
            found[result.name] = same.name
    return found


def read_skipped(models: Iterable[str]) -> dict[str, str]:
    """Reason by model that the budget had no room for."""
    files = {model: paths.skipped(model) for model in models}
    return {model: read_json(file)["reason"] for model, file in files.items() if file.is_file()}


def _table(file: Path, columns: Sequence[str] = ()) -> pd.DataFrame:
    return pd.read_csv(file) if file.is_file() else pd.DataFrame(columns=list(columns))


#: where the rows of `published.csv` are from, by protocol. Recommenders: the outputs stored in that
#: notebook of github.com/recommenders-team/recommenders. The R² and the explained variance of its
#: ALS, which are swapped there, are left out. Held-out users: the table has figures of the others
#: as they were published by their authors.
_VASP = (
    "Vančura and Kordík 2021, Deep Variational Autoencoder with Shallow Parallel Path for Top-N "
    "Recommendation (VASP), table III, with the figures of Liang et al. 2018 (Mult-DAE, Mult-VAE), "
    "Steck 2019 (EASE), Shenbin et al. 2020 (RecVAE) and Kim and Suh 2019 (H+Vamp)"
)
SOURCES = {
    "recommenders_ml100k": (
        "Recommenders, examples/06_benchmarks/movielens.ipynb, outputs stored in July 2025"
    ),
    "surprise_table": (
        "Surprise, the table of its README, which its examples/benchmark.py makes: means over five "
        "folds, with the parameters of the library"
    ),
    "ml20m_users": _VASP,
    "netflix_users": _VASP,
    "ml1m_leave_one_out": (
        "Klenitskiy and Vasilev 2023, the README of its code; SASRec+ has the loss of `sasrec`, "
        "SASRec+ 3000 that of 3,000 negatives"
    ),
    "ml100k_u1": (
        "GC-MC: van den Berg et al. 2017; MG-GAT: Leng et al. 2020; GLocal-K: the README of its "
        "code; myFM: its documentation, with the users of a movie as features"
    ),
}


class Published(NamedTuple):
    """One row of a published table: metrics by our keys; those that it lacks are left out."""

    algorithm: str
    values: dict[str, float]
    digits: int  # decimals of the table


def published(protocol: str | None, data: str = "ml-100k") -> list[Published]:
    """Published figures for a protocol on these data, in the order of publication."""
    text = resources.files("reelbench.reporting").joinpath("published.csv").read_text("utf-8")
    rows = [
        (row.pop("algorithm"), {key: value for key, value in row.items() if value})
        for row in csv.DictReader(text.splitlines())
        if [row.pop("protocol"), row.pop("data")] == [protocol, data]
    ]
    texts = (value for _, values in rows for value in values.values())
    digits = max((len(value.partition(".")[2]) for value in texts), default=0)
    return [
        Published(name, {key: float(value) for key, value in values.items()}, digits)
        for name, values in rows
    ]


class Replication(NamedTuple):
    """The replication of a published system."""

    system: str
    about: str
    #: of the published tables, by the columns of `paths.REPLICATION_TABLE`
    rows: Sequence[Mapping[str, str]]

    @property
    def pictures(self) -> list[tuple[str, bytes]]:
        """Caption and PNG of each figure that `reelbench replicate` drew in this checkout."""
        files = [(row, Path(file)) for row in self.rows for file in row["files"].split()]
        return [
            (f"{row['what']}. {row['difference']}", file.read_bytes())
            for row, file in files
            if file.is_file()
        ]


def read_replications(file: Path = paths.REPLICATION_TABLE, data: str = "") -> list[Replication]:
    """All replicated systems, as `reelbench replicate` wrote them; none where it has not run.

    If a data set is named, the rows are those that were run on it.
    """
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        rows = [r for r in csv.DictReader(stream) if data in ("", r["origin"].split(",")[0])]
    groups = groupby(rows, key=lambda row: (row.pop("system"), row.pop("about")))
    return [Replication(*head, list(group)) for head, group in groups]
