"""The trained models of a run, by name: which there are, which is best, loaded when asked for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.data.interactions import Interactions
from reelbench.evaluation.metrics import METRICS, Metric, find, is_metric
from reelbench.features.block import Ids, read_block
from reelbench.files import read_json, sha256_file
from reelbench.models.base import Recommender
from reelbench.serving.answer import AskError
from reelbench.serving.profile import ProfileNetwork

_DESCRIPTION = "model.json"
_DEMOGRAPHICS = "demographics"
_NDCG = METRICS["ndcg"]


class TrainedModels:
    """Models below data/models/, as they are when first asked for; each is loaded once.

    Several threads may ask: who asks for a model that another loads waits for that one alone.
    """

    def __init__(self, root: Path, ids: Ids, train: Interactions) -> None:
        self._root, self._ids, self._train = root, ids, train
        self._locks: dict[str, RLock] = {}
        self._loaded: dict[str, Recommender] = {}
        self._profiled: dict[str, ProfileNetwork | None] = {}

    @cached_property
    def names(self) -> list[str]:
        """Those that were trained on these very data, sorted."""
        return sorted(name for name in self._folders if self._is_current(name))

    @property
    def _folders(self) -> list[str]:
        return [file.parent.name for file in (self._root / paths.MODELS).glob(f"*/{_DESCRIPTION}")]

    def _is_current(self, name: str) -> bool:
        """Not left over from another data set or split; without `inputs.json` it may be."""
        description = read_json(self._root / paths.model_dir(name) / _DESCRIPTION)
        learned_from = self._inputs(name).get("train", self._train_hash)
        return description["ids"] == vars(self._ids) and learned_from == self._train_hash

    @cached_property
    def _train_hash(self) -> str:
        return sha256_file(self._root / paths.TRAIN)

    def _inputs(self, name: str) -> dict[str, Any]:
        """Hashes of what a model has learned from; empty where it does not say."""
        file = self._root / paths.model_dir(name) / "inputs.json"
        return read_json(file) if file.is_file() else {}

    @cached_property
    def best_first(self) -> list[str]:
        """Trained models, the best of the leaderboard by `ranking_metric` first."""
        return _best_first(self.names, self._root / paths.LEADERBOARD_CSV)

    def get(self, name: str) -> Recommender:
        """The model, loaded at the first call.

        Raises:
            AskError: it is not trained.
        """
        with self._lock(name):
            if name not in self._loaded:
                self.check(name)
                self._loaded[name] = Recommender.load(self._root / paths.model_dir(name))
            return self._loaded[name]

    def _lock(self, name: str) -> RLock:
        """Held while something is made of a model; `get` is called inside, so it is reentrant."""
        return self._locks.setdefault(name, RLock())

    def check(self, name: str) -> None:
        """Nothing for the name of a trained model.

        Raises:
            AskError: it is none, or was trained on other data.
        """
        if name in self.names:
            return
        if name in self._folders:
            raise AskError(f"model '{name}' was trained on other data: run `make repro` again")
        have = ", ".join(self.names) or "none: run `make repro` first"
        raise AskError(f"there is no trained model '{name}' (there are: {have})")

    def profile_network(self, name: str) -> ProfileNetwork | None:
        """The model as one that answers typed profiles; None for one that cannot."""
        with self._lock(name):
            if name not in self._profiled:
                file = self._root / paths.feature_block(_DEMOGRAPHICS)
                can = file.is_file() and self.reads(name, _DEMOGRAPHICS)
                self._profiled[name] = (
                    ProfileNetwork.of(self.get(name), read_block(file)) if can else None
                )
            return self._profiled[name]

    def reads(self, name: str, block: str) -> bool:
        """Whether a trained model has learned from a feature block."""
        return block in self._inputs(name).get("features", {})


def ranking_metric(keys: Iterable[str]) -> Metric | None:
    """The metric by which models are compared for lists: nDCG at the smallest cutoff of some keys.

    It is a ranking metric because lists are asked for: many models that predict ratings well rank
    poorly. None if no key is an nDCG.
    """
    found = (find(key) for key in keys if key.startswith(f"{_NDCG.key}_at_") and is_metric(key))
    return min(found, key=lambda metric: metric.cutoff or 0, default=None)


def _best_first(names: Iterable[str], leaderboard: Path) -> list[str]:
    """Models in the order of the leaderboard, ties by name; those that it lacks come last."""
    table = pd.read_csv(leaderboard) if leaderboard.is_file() else pd.DataFrame({"model": []})
    metric = ranking_metric(map(str, table))
    values = {} if metric is None else table.set_index("model")[metric.key].dropna().to_dict()
    losses = {name: _NDCG.loss(0.0, value) for name, value in values.items()}
    return sorted(names, key=lambda name: (losses.get(name, np.inf), name))
