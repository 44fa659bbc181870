"""The trained models of a run: which there are, which is best, and loading each once."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from pkgutil import resolve_name
from threading import RLock
from typing import Any

import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.data.identity import KEYS, read_identity, same_results
from reelbench.data.interactions import Ids
from reelbench.evaluation.metrics import METRICS, Metric, find, is_metric
from reelbench.files import read_json, read_json_if_any, sha256_file
from reelbench.models.base import Recommender
from reelbench.models.ease import EASE
from reelbench.serving import AskError

DEMOGRAPHICS = "demographics"  # the feature block that a model must have read to use a profile
_DESCRIPTION = "model.json"
_NDCG = METRICS["ndcg"]
_MOST_ITEMS = 4000  # with as many, weights of movies for all movies take 64 MB


class TrainedModels:
    """The models in data/models/ that were trained on the data of the run, each loaded once.

    Safe for threads: a thread that needs a model which another one loads waits for that model only.
    """

    def __init__(self, root: Path, ids: Ids) -> None:
        self._root, self.ids, self._train = root, ids, sha256_file(root / paths.TRAIN)
        self._locks: dict[str, RLock] = {}
        self._loaded: dict[str, Recommender] = {}
        self._folding: dict[str, bool] = {}

    @cached_property
    def names(self) -> list[str]:
        """Names of the models, sorted."""
        files = (self._root / paths.MODELS).glob(f"*/{_DESCRIPTION}")
        names = [f.parent.name for f in files if read_json(f)["ids"] == vars(self.ids)]
        # without `inputs.json` a model counts as one of this data set and split
        parts = {name: self._inputs(name).get("train", self._train) for name in names}
        return sorted(name for name, train in parts.items() if train == self._train)

    def _inputs(self, name: str) -> dict[str, Any]:
        """Hashes of the data that a model has learned from; empty if they were not recorded."""
        return read_json_if_any(self._root / paths.model_dir(name) / "inputs.json")

    @cached_property
    def best_first(self) -> list[str]:
        """Names of the models, the best of the leaderboard by `ranking_metric` first."""
        return _best_first(self.names, read_leaderboard(self._root))

    @cached_property
    def quick(self) -> list[str]:
        """Of `best_first` those that are no networks: loading one takes seconds and much memory."""
        return [name for name in self.best_first if not self.is_network(name)]

    @cached_property
    def raters(self) -> list[str]:
        """Of `quick` those whose class predicts ratings, sorted."""
        folders = {name: self._root / paths.model_dir(name) for name in self.quick}
        classes = {n: read_json(f / _DESCRIPTION)["_target_"] for n, f in folders.items()}
        found = {name: resolve_name(target) for name, target in classes.items()}
        return sorted(name for name, kind in found.items() if kind.predicts_ratings)

    def check(self, name: str) -> None:
        """Raise an AskError if there is no such model, or it was trained on other data."""
        if name in self.names:
            return
        if (self._root / paths.model_dir(name) / _DESCRIPTION).is_file():
            raise AskError(f"model '{name}' was trained on other data: run `make repro` again")
        have = ", ".join(self.names) or "none, run `make repro` first"
        raise AskError(f"there is no trained model '{name}'; available: {have}")

    def get(self, name: str) -> Recommender:
        """The model, loaded on the first call; an AskError as in `check`, or if its code is old."""
        with self._lock(name):
            if name not in self._loaded:
                self._loaded[name] = self.read(name)
            return self._loaded[name]

    def is_loaded(self, name: str) -> bool:
        """Whether `get` answers without reading a file."""
        return name in self._loaded

    def folds_in(self, name: str) -> bool:
        """Whether a model has a fold-in; kept, since a blend makes its members to find out."""
        if name not in self._folding:
            self._folding[name] = self.get(name).can_fold_in
        return self._folding[name]

    def read(self, name: str) -> Recommender:
        """As `get`, but read anew and not kept."""
        self.check(name)
        try:
            return _for_one_user(Recommender.load(self._root / paths.model_dir(name)))
        except (AttributeError, ImportError) as error:
            wrong = f"model '{name}' was saved by another version"
            raise AskError(f"{wrong}: run `make repro` again") from error

    def _lock(self, name: str) -> RLock:
        """Held while a model is loaded or changed; reentrant, since both may happen."""
        return self._locks.setdefault(name, RLock())

    def is_network(self, name: str) -> bool:
        """Whether a model has layers, so that loading it takes seconds for the network library."""
        return bool(read_json_if_any(self._root / paths.layers(name)))

    def score_profile(self, name: str, columns: np.ndarray) -> np.ndarray | None:
        """Scores float32 (n_items,) for columns (f,) of `demographics`; None if it reads none."""
        if DEMOGRAPHICS not in self._inputs(name).get("features", {}):
            return None
        with self._lock(name):
            model = self.get(name)
            if not model.knows_users:
                return None
            model.describe_unknown_user(columns)
            return model.score([-1])[0]


def _for_one_user(model: Recommender) -> Recommender:
    """The same model, members included, made to answer for one user at a time."""
    members = getattr(model, "members", {})
    members |= {name: _for_one_user(member) for name, member in members.items()}
    model.threads = 1  # several would take longer to start than what there is to do
    if not isinstance(model, EASE) or not len(model._diagonal) or model.ids.n_items > _MOST_ITEMS:
        return model
    # a new user would be compared with all others: xP = (x - xXᵀK⁻¹X) / λ (ease.py); B is kept
    users, penalty = model._profiles.users, model.config.regularization
    weights = model._penalised(users, 1.0).T @ (model._weights[:-1] @ users)
    weights /= penalty * model._diagonal
    np.fill_diagonal(weights, 0.0)
    return model._copy(_weights=weights.astype(np.float32), _diagonal=np.empty(0))


def ranking_metric(keys: Iterable[str]) -> Metric | None:
    """The nDCG at the smallest cutoff of some keys, if any: who predicts well may rank poorly."""
    found = (find(key) for key in keys if key.startswith(f"{_NDCG.key}_at_") and is_metric(key))
    return min(found, key=lambda metric: metric.cutoff or 0, default=None)


def read_leaderboard(root: Path) -> pd.DataFrame:
    """The leaderboard of a project; only `model`, and no row, if there is none of its data yet."""
    file, none = root / paths.LEADERBOARD_CSV, pd.DataFrame({"model": []})
    table = pd.read_csv(file) if file.is_file() else none
    stored = {key: table[key].iloc[0] for key in KEYS if key in table and len(table)}
    return table if same_results(stored, read_identity(root)) else none


def _best_first(names: Iterable[str], table: pd.DataFrame) -> list[str]:
    """Models in the order of the leaderboard, ties by name; those that it lacks come last."""
    metric = ranking_metric(map(str, table))
    values = {} if metric is None else table.set_index("model")[metric.key].dropna().to_dict()
    losses = {name: _NDCG.loss(0.0, value) for name, value in values.items()}
    return sorted(names, key=lambda name: (losses.get(name, np.inf), name))
