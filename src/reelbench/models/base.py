"""The contract that every model fulfils, with the chores that all of them share.

A new model is a `Config` and the mathematics: `_fit`, `_predict` (or `_score`, or both), `_state`
and `_restore`. Index checks, clipping, unknown users and items, saving and loading are done here.

Arrays that are indexed by user or item have **one more row than the catalogue**: the last row is
the answer for an unknown index, which reaches `_predict` as -1 and so picks that very row. Rows of
users and items that are in the catalogue but not in train (cold) hold the same answer.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from hydra.utils import get_class
from numpy.typing import ArrayLike
from pydantic import ConfigDict, Field

from reelbench import paths
from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.files import read_arrays, write_arrays
from reelbench.params import Section, validate

Arrays = dict[str, np.ndarray]

# pairs scored in one call of `_predict`: bounds the memory of a whole-catalogue score
_PAIRS_PER_CALL = 2_000_000


class Recommender(ABC):
    """A model that predicts ratings and ranks items.

    Attributes:
        config: the validated parameters.
        history: one dictionary per epoch (`epoch`, `train_loss`, `valid_loss`, …); empty for models
            without epochs.
    """

    Config: ClassVar[type[Section]] = Section
    #: False for a model that only ranks: what its `predict` returns is not reported as a rating
    predicts_ratings: ClassVar[bool] = True

    def __init__(self, *, seed: int = 0, threads: int = 1, **parameters: Any) -> None:
        self.config: Any = self.Config(**parameters)
        self.seed = seed
        self.threads = threads
        self.history: list[dict[str, float]] = []
        self._ids: Ids | None = None

    # -- what a subclass writes

    @abstractmethod
    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        """Learn from train; valid is for early stopping and weights of a blend only."""

    @abstractmethod
    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        """Unclipped predictions (n,) for int64 indices, -1 for an unknown user or item."""

    @abstractmethod
    def _state(self) -> Arrays:
        """Arrays that, with the config, make up the fitted model."""

    @abstractmethod
    def _restore(self, state: Arrays) -> None:
        """Inverse of `_state`."""

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        """Scores (len(user_idx), n_items) for ranking; override where a matrix product does it."""
        n_items = self.ids.n_items
        items = np.arange(n_items)
        step = max(1, _PAIRS_PER_CALL // max(1, n_items))
        rows = [
            self._predict(np.repeat(chunk, n_items), np.tile(items, len(chunk)))
            for chunk in np.split(user_idx, range(step, len(user_idx), step))
        ]
        return np.concatenate(rows).reshape(len(user_idx), n_items)

    def _save_extra(self, folder: Path) -> None:  # noqa: B027 - most models have nothing to add
        """Write what does not fit in arrays (weights of a network)."""

    def _load_extra(self, folder: Path) -> None:  # noqa: B027
        """Inverse of `_save_extra`; called after `_restore`."""

    # -- what a caller uses

    @property
    def scores_are_ratings(self) -> bool:
        """Whether `score` is the unclipped `predict`; False for a model that ranks another way."""
        return self.predicts_ratings

    def prepare(self) -> None:  # noqa: B027 - most models need no heavy library
        """Import heavy libraries, so that the time of `fit` is that of the mathematics."""

    @property
    def ids(self) -> Ids:
        """Sizes and rating scale of the catalogue that the model was fitted on."""
        if self._ids is None:
            raise RuntimeError(f"{type(self).__name__} is not fitted: call fit or load first")
        return self._ids

    def fit(self, train: Interactions, valid: Interactions, features: Features) -> Self:
        """Fit to the train part.

        Args:
            train: ratings to learn from.
            valid: ratings for early stopping; may be empty.
            features: the blocks that the model declares.

        Raises:
            ValueError: train is empty.
            KeyError: a block is missing.
        """
        if len(train) == 0:
            raise ValueError("train is empty: there is nothing to learn from")
        self._ids = features.ids
        self.history = []
        self._fit(train, valid, features)
        return self

    def predict(self, user_idx: ArrayLike, item_idx: ArrayLike) -> np.ndarray:
        """Predicted ratings.

        Args:
            user_idx: integers (n,); anything outside the catalogue is an unknown user.
            item_idx: integers (n,), likewise.

        Returns:
            float32 (n,), clipped to the rating scale; finite for every input.
        """
        users = self._known(user_idx, self.ids.n_users)
        items = self._known(item_idx, self.ids.n_items)
        if len(users) != len(items):
            raise ValueError(f"{len(users)} users but {len(items)} items: lengths must agree")
        if len(users) == 0:
            return np.empty(0, dtype=np.float32)
        rating = np.clip(self._predict(users, items), self.ids.rating_min, self.ids.rating_max)
        return rating.astype(np.float32)

    def score(self, user_idx: ArrayLike) -> np.ndarray:
        """Scores of the whole catalogue, for ranking; not clipped, since clipping makes ties.

        Args:
            user_idx: integers (n,); anything outside the catalogue is an unknown user.

        Returns:
            float32 (n, n_items); finite for every input.
        """
        users = self._known(user_idx, self.ids.n_users)
        if len(users) == 0:
            return np.empty((0, self.ids.n_items), dtype=np.float32)
        return np.ascontiguousarray(self._score(users), dtype=np.float32)

    def layers(self) -> list[dict[str, Any]]:
        """Layers of a fitted network as plain data (`network/summary.py`); else an empty list."""
        return []

    def arrays(self) -> Arrays:
        """What `save` writes to `arrays.npz`; not copied."""
        return self._state()

    def with_arrays(self, changed: Arrays) -> Self:
        """A model with the same class, parameters and arrays, save for those that are changed.

        For a model that its arrays describe whole: weights of a network do not come along.
        """
        other = type(self)(seed=self.seed, threads=self.threads, **self.config.model_dump())
        other._ids = self.ids
        other._restore({**self.arrays(), **changed})
        return other

    def save(self, folder: Path) -> None:
        """Write `model.json`, `arrays.npz` and weights to a new folder: no pickle, stable bytes."""
        folder.mkdir(parents=True)
        target = f"{type(self).__module__}.{type(self).__qualname__}"
        description = {
            "_target_": target,
            "config": self.config.model_dump(mode="json"),
            "seed": self.seed,
            "threads": self.threads,
            "ids": vars(self.ids),
        }
        text = json.dumps(description, indent=2, sort_keys=True) + "\n"
        (folder / "model.json").write_text(text, encoding="utf-8")
        write_arrays(self.arrays(), folder / "arrays.npz")
        self._save_extra(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote, of this class or a subclass.

        Raises:
            TypeError: the folder holds a model of another class.
        """
        description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        target = get_class(description["_target_"])
        if not issubclass(target, cls):
            raise TypeError(f"{folder} holds a {target.__name__}, not a {cls.__name__}")
        model = target(
            seed=description["seed"], threads=description["threads"], **description["config"]
        )
        model._ids = Ids(**description["ids"])
        model._restore(read_arrays(folder / "arrays.npz"))
        model._load_extra(folder)
        return model

    @staticmethod
    def _known(index: ArrayLike, size: int) -> np.ndarray:
        """Indices as int64 (n,), with -1 in the place of everything outside [0, size)."""
        array = np.atleast_1d(np.asarray(index))
        if array.size and array.dtype.kind not in "iu":
            raise TypeError(f"indices must be integers, got {array.dtype}")
        array = array.astype(np.int64)
        return np.where((array >= 0) & (array < size), array, -1)


class ModelEntry(Section):
    """Section `models.<name>` of the parameters: class, file, feature blocks, and its own keys."""

    target: str = Field(alias="_target_")
    code: str
    features: tuple[str, ...] = ()
    #: in place of the one that root seed and name give: repeats a run published with its seed
    seed: int | None = None
    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    @property
    def parameters(self) -> dict[str, Any]:
        """The keys that belong to the model itself."""
        return dict(self.model_extra or {})

    def create(self, name: str, *, seed: int, threads: int) -> Recommender:
        """Instance of the model's class with its validated config.

        Raises:
            ParamsError: a key that the class does not know.
        """
        model: type[Recommender] = get_class(self.target)
        source = paths.CONF / "models" / f"{name}.yaml"
        validate(f"models.{name}", self.parameters, model.Config, source)
        return model(seed=seed, threads=threads, **self.parameters)
