"""Somebody of whom only age, gender, occupation and zip code are known, as they typed them."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import numpy as np

from reelbench.columns import GENDER, OCCUPATION, ZIP_CODE
from reelbench.features.block import USER_PREFIX, Block
from reelbench.features.matrices import user_columns
from reelbench.models.base import Recommender
from reelbench.models.network import Network
from reelbench.serving.answer import AskError

_OLDEST = 120
_WORDS = (GENDER, OCCUPATION, ZIP_CODE)


@dataclass(frozen=True)
class Profile:
    """What somebody typed; None: nothing."""

    age: int | None = None
    gender: str | None = None
    occupation: str | None = None
    zip_code: str | None = None

    def __post_init__(self) -> None:
        if self.age is not None and not 0 <= self.age <= _OLDEST:
            raise AskError(f"an age is between 0 and {_OLDEST} years, not {self.age}")

    @property
    def empty(self) -> bool:
        """Whether nothing was typed."""
        return all(value is None for value in vars(self).values())

    def told(self) -> str:
        """In words."""
        given = {name.replace("_", " "): value for name, value in vars(self).items()}
        return ", ".join(f"{name} {value}" for name, value in given.items() if value is not None)


def as_block(profile: Profile, known: Block) -> tuple[Block, list[str]]:
    """The profile as the block `demographics` would have it, and sentences on what is unknown.

    Args:
        known: that block, whose vocabularies and moments count.

    Returns:
        Arrays of one user (1, …) under the block's names. A value that no (or hardly any) user of
        train has is a row of zeros, as it is for users of the data set.
    """
    mean, deviation = known["age_moments"]
    has_age = known["user_age"].shape[1] > 0
    age = 0.0 if profile.age is None else (profile.age - mean) / deviation
    width = int(has_age)
    row = {
        "user_age": np.full((1, width), age, dtype=np.float32),
        "user_age_known": np.full((1, width), profile.age is not None, dtype=np.float32),
    }
    unknown = [] if has_age or profile.age is None else ["age is not known of its users"]
    for name in _WORDS:
        row[USER_PREFIX + name], told = _one_hot(name, getattr(profile, name), known[name])
        unknown += told
    return row, unknown


def _one_hot(name: str, typed: str | None, words: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """float32 (1, k), without regard to case; a zip code by its first digits."""
    row = np.zeros((1, len(words)), dtype=np.float32)
    if typed is None:
        return row, []
    said = name.replace("_", " ")
    if not len(words):
        return row, [f"{said} is not known of its users"]
    key = typed.strip().casefold()
    if name == ZIP_CODE:
        key = key[: max(len(word) for word in words.tolist())]
    row[0] = [word.casefold() == key for word in words.tolist()]
    if row.any():
        return row, []
    hint = "" if name == ZIP_CODE else f" (there are: {', '.join(words.tolist())})"
    return row, [f"{said} '{typed}' is that of no or few users, and so unknown{hint}"]


class ProfileNetwork:
    """A network that reads demographics, asked of somebody with a typed profile.

    The profile is written into the row of the unknown user, whose embedding is zeros: the network
    answers as it does for a user of the data set without ratings.
    """

    def __init__(self, network: Network, demographics: Block) -> None:
        self._network, self._known = network, demographics
        self._lock = Lock()

    @classmethod
    def of(cls, model: Recommender, demographics: Block) -> ProfileNetwork | None:
        """None for a model that is no network, or one that knows nothing of users."""
        if not isinstance(model, Network) or not model.knows_users:
            return None
        return cls(model, demographics)

    def scores(self, profile: Profile) -> tuple[np.ndarray, list[str]]:
        """Scores float32 (n_items,), and sentences on what is unknown of the profile."""
        block, unknown = as_block(profile, self._known)
        with self._lock:
            self._network.describe_unknown_user(user_columns(block, 1)[0])
            return self._network.score([-1])[0], unknown
