"""The contract of every model, and the chores that all models share.

A new model is a `config`, `_fit`, `_predict` (or `_score`, or both), and the attributes that they
share, marked as `Saved`. It may add `_fold_in` for new users, `_similar_items`, `item_vectors`. All
types of these can be imported from here.

Arrays that are indexed by user or item have **one more row than the catalogue**: the last row is
the answer for an unknown index, which reaches `_predict` as -1 and so picks that very row. Rows of
users and items that are in the catalogue but not in train (cold) hold the same answer.
"""

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from threading import Lock
from typing import Any, ClassVar, Self, cast, get_type_hints

import numpy as np
from cachetools import LRUCache, cached
from numpy.typing import ArrayLike
from pydantic import ConfigDict, Field

from reelbench import paths
from reelbench.data.interactions import Ids, Interactions
from reelbench.features.block import Features
from reelbench.files import read_arrays, read_json, write_arrays, write_json
from reelbench.models.shared.state import Arrays, Saved, restore, state_of
from reelbench.models.shared.user_items import NewUser, new_users
from reelbench.parallel import has_kernels
from reelbench.params import Section, resolved, validate

_PAIRS_PER_CALL = 2_000_000  # pairs in one call of `_predict`: bounds the memory of `_score`
_SAMPLE_SIZE = 500  # users of train whose scores say which items a model takes for similar
_SAMPLE = "sampled_users"
# users, items and ratings, one of which reaches any `min_rating`
_FEW = [0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [100, 3, 4, 2, 1]
# of such scores, bytes kept over all models: 28 models on MovieLens 100K, four on MovieLens 20M
_KEPT: LRUCache[object, np.ndarray] = LRUCache(500_000_000, getsizeof=lambda array: array.nbytes)
_KEPT_LOCK = Lock()


class Recommender(ABC):
    """A model that predicts ratings and ranks items.

    Attributes:
        config: the validated parameters.
        history: one dictionary per epoch (`epoch`, `train_loss`, `valid_loss`, …); empty for models
            without epochs.

    >>> from reelbench.data.interactions import Interactions
    >>> from reelbench.models import Bias
    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> model = Bias().fit(train)
    >>> model.predict([0, 2], [2, 2]).round(2)
    array([3.11, 2.55], dtype=float32)
    >>> model.score([0]).shape
    (1, 3)
    >>> model.fold_in([0, 2], [5.0, 4.0]).predict([-1], [1]).round(2)
    array([3.11], dtype=float32)
    """

    Config: ClassVar[type[Section]] = Section  # what a subclass annotates its `config` with
    #: False for a model that only ranks: what its `predict` returns is not reported as a rating
    predicts_ratings: bool = True
    #: whether a fit depends on the seed by more than rounding: `seeds` repeats it
    stochastic: bool = False
    #: whether it answers for users of a profile without a fold-in
    knows_profiles: bool = False
    config: Section

    def __init_subclass__(cls) -> None:
        own = vars(cls)
        if "config" in own.get("__annotations__", {}) and "Config" not in own:
            cls.Config = get_type_hints(cls)["config"]

    def __init__(self, *, seed: int = 0, threads: int = 1, **parameters: object) -> None:
        """A model that is not fitted yet; a wrong parameter is a `pydantic.ValidationError`."""
        self.config = self.Config.model_validate(parameters)
        self.seed = seed
        self.threads = threads
        self.history: list[dict[str, float]] = []
        self._ids: Ids | None = None
        self._sampled_users = np.empty(0, dtype=np.int64)
        self._fitted = object()  # stands for what was learned: scores that are kept belong to it

    def __repr__(self) -> str:
        """The class, and the parameters that differ from the defaults."""
        changed = self.config.model_dump(exclude_defaults=True)
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in changed.items())})"

    # -- what a subclass writes

    @abstractmethod
    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        """Learn from train; valid is for early stopping and weights of a blend only."""

    @abstractmethod
    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        """Unclipped predictions (n,) for int64 indices, -1 for an unknown user or item."""

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

    def _fold_in(self, user: NewUser) -> Self:
        """A copy whose unknown user (-1) is this one; of other users it need not know anything."""
        raise NotImplementedError(f"{type(self).__name__} has no fold-in")

    def _fold_in_users(self, profiles: Interactions, ids: Ids) -> Self | None:
        """A copy whose users 0 to n - 1 are those of the profiles; None: no faster than each."""
        if self.user_rows([-1]) is None:
            return None
        rows = [self._fold_in(user).user_rows([-1]) for user in new_users(profiles)]
        return self.for_users(np.concatenate(cast(list[np.ndarray], rows)))

    def _similar_items(self, item_idx: int) -> np.ndarray:
        """Similarity of every item to one, 0 to 1 (n_items,)."""
        columns = _score_columns(self)
        return np.asarray(np.maximum(columns.T @ columns[:, item_idx], 0.0))

    def _state(self) -> Arrays:
        """Arrays that, with the config, make up the fitted model: the attributes marked `Saved`."""
        return state_of(self)

    def _restore(self, state: Arrays) -> None:
        restore(self, state)

    def _save_extra(self, folder: Path) -> None:  # noqa: B027 - most models have nothing to add
        """Write what does not fit in arrays (weights of a network)."""

    def _load_extra(self, folder: Path) -> None:  # noqa: B027
        """Inverse of `_save_extra`; called after `_restore`."""

    # -- what a caller uses

    @property
    def scores_are_ratings(self) -> bool:
        """Whether `score` is the unclipped `predict`; False for a model that ranks another way."""
        return self.predicts_ratings

    @property
    def can_fold_in(self) -> bool:
        """Whether `fold_in` has an answer."""
        return type(self)._fold_in is not Recommender._fold_in

    @property
    def folded_in_predicts(self) -> bool:
        """Whether what `predict` returns after a fold-in is a rating."""
        return self.predicts_ratings

    @property
    def ids(self) -> Ids:
        """Sizes and rating scale of the catalogue; a RuntimeError if the model is not fitted."""
        if self._ids is None:
            raise RuntimeError(f"{type(self).__name__} is not fitted: call fit or load first")
        return self._ids

    def prepare(self) -> None:
        """Import libraries and compile kernels: the time of `fit` is that of the mathematics."""
        if has_kernels(type(self)):
            self._copy().fit(Interactions.from_arrays(*_FEW))

    def fit(
        self,
        train: Interactions,
        valid: Interactions | None = None,
        features: Features | None = None,
    ) -> Self:
        """Fit to the train part.

        Args:
            train: ratings to learn from.
            valid: ratings for early stopping; none by default.
            features: the catalogue and the blocks that the model declares; by default no blocks,
                and `train.ids` or else sizes and scale that hold all rows of train and valid.

        Raises:
            ValueError: train is empty.
            KeyError: a block is missing.
        """
        if len(train) == 0:
            raise ValueError("train is empty: there is nothing to learn from")
        valid = Interactions.empty() if valid is None else valid
        if features is None:
            features = Features(train.ids or _ids_of(train, valid))
        self._ids = features.ids
        users = np.unique(train.user_idx).astype(np.int64)
        some = np.linspace(0, len(users) - 1, min(_SAMPLE_SIZE, len(users)))
        self._sampled_users, self._fitted = users[some.astype(np.int64)], object()
        self.history = []
        self._fit(train, valid, features)
        return self

    def refitted(self, train: Interactions, features: Features) -> Self:
        """A model of the same class, parameters and seed, fitted without valid to other ratings."""
        fresh = type(self)(seed=self.seed, threads=self.threads, **self._chosen())
        return fresh.fit(train, None, features)

    def _chosen(self) -> dict[str, Any]:
        """Parameters; if valid has said when training ends, with the best number of epochs."""
        chosen = self.config.model_dump(mode="json")
        losses = [row.get("valid_loss", np.inf) for row in self.history]
        if chosen.get("patience") is not None and np.isfinite(losses).any():
            chosen["epochs"] = int(np.argmin(losses)) + 1
        return chosen

    def predict(self, user_idx: ArrayLike, item_idx: ArrayLike) -> np.ndarray:
        """Predicted ratings of pairs: float32 (n,), finite, clipped to the rating scale.

        Args:
            user_idx: integers (n,); anything outside the catalogue is an unknown user.
            item_idx: integers (n,), likewise.

        Raises:
            ValueError: the lengths differ.
            TypeError: indices are not integers.
        """
        users = self._known(user_idx, self.ids.n_users)
        items = self._known(item_idx, self.ids.n_items)
        if len(users) != len(items):
            raise ValueError(f"{len(users)} users but {len(items)} items: lengths must agree")
        if len(users) == 0:
            return np.empty(0, dtype=np.float32)
        rating = np.clip(self._predict(users, items), self.ids.rating_min, self.ids.rating_max)
        return np.asarray(rating, dtype=np.float32)

    def score(self, user_idx: ArrayLike) -> np.ndarray:
        """Scores of the whole catalogue for ranking: float32 (n, n_items), finite.

        They are not clipped, since clipping makes ties.

        Args:
            user_idx: integers (n,); anything outside the catalogue is an unknown user.

        Raises:
            TypeError: indices are not integers.
        """
        users = self._known(user_idx, self.ids.n_users)
        if len(users) == 0:
            return np.empty((0, self.ids.n_items), dtype=np.float32)
        return np.ascontiguousarray(self._score(users), dtype=np.float32)

    def layers(self) -> list[dict[str, Any]]:
        """Layers of a fitted network as plain data (`network/summary.py`); else an empty list."""
        return []

    def fold_in(self, item_idx: ArrayLike, rating: ArrayLike) -> Self:
        """A copy that knows a new user by some ratings; nothing is trained again.

        Ask the copy for user -1: what the model would have stored for the user, had all else been
        learned already, takes the place of the unknown one. Its answers for others mean nothing.

        Args:
            item_idx: integers (n,), items of the catalogue, each once; at least one.
            rating: numbers (n,) on the rating scale.

        Raises:
            NotImplementedError: the model has no fold-in, see `can_fold_in`.
            ValueError: there is no rating, lengths differ, or an item is unknown or named twice.
        """
        if not self.can_fold_in:
            raise NotImplementedError(f"{type(self).__name__} has no fold-in for new users")
        items = self._known(item_idx, self.ids.n_items)
        ratings = np.atleast_1d(np.asarray(rating, dtype=np.float64))
        if len(items) != len(ratings) or len(items) == 0:
            raise ValueError(f"{len(items)} items and {len(ratings)} ratings of a new user")
        if items.min() < 0 or len(np.unique(items)) < len(items):
            raise ValueError("items of a new user must be in the catalogue, each once")
        return self._fold_in(NewUser(items, ratings))

    def similar_items(self, item_idx: int) -> np.ndarray:
        """Similarity of every item to one, float64 (n_items,), from 0 to 1.

        By default it is the correlation of the scores that a sample of the users of train get. An
        item that the model knows nothing of is similar to none.

        Raises:
            ValueError: the item is not in the catalogue.
        """
        if not 0 <= item_idx < self.ids.n_items:
            raise ValueError(f"no item {item_idx}: the catalogue has 0 to {self.ids.n_items - 1}")
        return np.asarray(self._similar_items(item_idx), dtype=np.float64)

    @property
    def knows_users(self) -> bool:
        """Whether the model reads features of users, so that it can be given a user's."""
        return False

    def describe_unknown_user(self, columns: np.ndarray) -> None:
        """Give the unknown user (-1) these columns (f,) of user features, until others are given.

        A NotImplementedError where the model reads none, see `knows_users`.
        """
        raise NotImplementedError(f"{type(self).__name__} reads no features of users")

    def item_vectors(self) -> np.ndarray | None:
        """What the model has learned of items, float32 (n_items, d); None if that is no vector."""
        return None

    def user_rows(self, user_idx: ArrayLike | None = None) -> np.ndarray | None:
        """All that is known of each user, floats (n, d), the unknown one last; None: no such row.

        `user_idx` are integers (n,), -1 for the unknown user; by default all.
        """
        return None

    def for_users(self, rows: np.ndarray) -> Self:
        """A copy whose catalogue has only users with these rows (n, d) of `user_rows`."""
        return self._copy(_ids=replace(self.ids, n_users=len(rows)))

    def save(self, folder: Path) -> None:
        """Write `model.json`, `arrays.npz` and weights to a new folder: no pickle, stable bytes."""
        folder.mkdir(parents=True)
        description = {
            "_target_": f"{type(self).__module__}.{type(self).__qualname__}",
            "config": self.config.model_dump(mode="json"),
            "seed": self.seed,
            "threads": self.threads,
            "ids": vars(self.ids),
        }
        write_json(folder / "model.json", description)
        write_arrays({_SAMPLE: self._sampled_users, **self._state()}, folder / "arrays.npz")
        self._save_extra(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote; a TypeError if it is of no such class."""
        description = read_json(folder / "model.json")
        target = resolve_name(description["_target_"])
        if not issubclass(target, cls):
            raise TypeError(f"{folder} holds a {target.__name__}, not a {cls.__name__}")
        own = {name: description[name] for name in ("seed", "threads")}
        model = target(**own, **description["config"])
        model._ids = Ids(**description["ids"])
        arrays = read_arrays(folder / "arrays.npz")
        model._sampled_users = arrays.pop(_SAMPLE)
        model._restore(arrays)
        model._load_extra(folder)
        return model

    def _copy(self, **changed: object) -> Self:
        """A copy that shares all attributes but these: what a fold-in replaces."""
        other = copy(self)
        vars(other).update(changed, _fitted=object())
        return other

    @staticmethod
    def _known(index: ArrayLike, size: int) -> np.ndarray:
        """Indices as int64 (n,), with -1 in the place of everything outside [0, size)."""
        array = np.atleast_1d(np.asarray(index))
        if array.size and array.dtype.kind not in "iu":
            raise TypeError(f"indices must be integers, got {array.dtype}")
        array = array.astype(np.int64)
        return np.where((array >= 0) & (array < size), array, -1)


class Ranker(Recommender):
    """Base of the models that only rank: `predict` returns the mean rating of train."""

    predicts_ratings = False
    _mean: Saved[float]

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self._mean = float(train.rating.mean(dtype=np.float64))

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return np.full(len(user_idx), self._mean)


@cached(_KEPT, key=lambda model: model._fitted, lock=_KEPT_LOCK)
def _score_columns(model: Recommender) -> np.ndarray:
    """Scores of sampled users (n, n_items), columns of mean 0 and length 1, or 0 throughout."""
    scores = model.score(model._sampled_users).astype(np.float64)
    scores -= scores.mean(axis=0)
    length = np.linalg.norm(scores, axis=0)
    # rounding leaves a length of its own to a column of equal numbers
    varies = length > 1e-5 * np.sqrt(len(model._sampled_users))
    return np.divide(scores, length, out=np.zeros_like(scores), where=varies)


def _ids_of(train: Interactions, valid: Interactions) -> Ids:
    """Sizes and scale that hold all rows of both."""
    rows = Interactions.concat(train, valid)
    low, high = float(rows.rating.min()), float(rows.rating.max())
    return Ids(int(rows.user_idx.max()) + 1, int(rows.item_idx.max()) + 1, low, high)


class ModelEntry(Section):
    """Section `models.<name>` of the parameters: class, file, feature blocks, and its own keys."""

    target: str = Field(alias="_target_")
    code: str = "."  # file or folder below `models/` that DVC watches
    features: tuple[str, ...] = ()
    #: in place of the one that root seed and name give: repeats a run published with its seed
    seed: int | None = None
    seed_of: str | None = None  # name of the model whose seed is taken; by default its own
    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    @property
    def model_class(self) -> type[Recommender]:
        """The class that `_target_` names."""
        return cast(type[Recommender], resolved(self.target, Recommender))

    @property
    def parameters(self) -> dict[str, Any]:
        """The keys that belong to the model itself and are not left to its defaults."""
        return dict(self.model_extra or {})

    def check(self, section: str, source: Path) -> Section:
        """The model's whole config, defaults included.

        A ParamsError names the section and a key or value that is wrong, and points to the source.
        """
        return validate(section, self.parameters, self.model_class.Config, source)

    def create(self, name: str, *, seed: int, threads: int) -> Recommender:
        """A model of the class; a ParamsError, see `check`, points to its file in conf/models/."""
        self.check(f"models.{name}", paths.CONF / "models" / f"{name}.yaml")
        return self.model_class(seed=seed, threads=threads, **self.parameters)
