"""The profile of a new user: age, gender, occupation and zip code, as far as known."""

from dataclasses import dataclass

import numpy as np

from reelbench.columns import GENDER, OCCUPATION, ZIP_CODE
from reelbench.features.block import USER_PREFIX, Block
from reelbench.serving.answer import AskError

_OLDEST = 120
_WORDS = (GENDER, OCCUPATION, ZIP_CODE)


@dataclass(frozen=True)
class Profile:
    """What a user typed; None for what was left out.

    >>> Profile(age=24, zip_code="10003").describe()
    'age 24, zip code 10003'
    """

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

    def describe(self) -> str:
        """What was typed, in words."""
        typed = {name.replace("_", " "): value for name, value in vars(self).items()}
        return ", ".join(f"{name} {value}" for name, value in typed.items() if value is not None)


def as_block(profile: Profile, known: Block) -> tuple[Block, list[str]]:
    """The profile in the form of the block `demographics`.

    Args:
        known: that block, for its vocabularies, mean and deviation.

    Returns:
        Arrays of one user (1, …) under the block's names, and phrases on what is ignored. A value
        that the vocabulary lacks is a row of zeros, as for users of the data set.
    """
    mean, deviation = known["age_moments"]
    width = known["user_age"].shape[1]  # 0 without ages in the data set, else 1
    age = 0.0 if profile.age is None else (profile.age - mean) / deviation
    row = {
        "user_age": np.full((1, width), age, dtype=np.float32),
        "user_age_known": np.full((1, width), profile.age is not None, dtype=np.float32),
    }
    ignored = [] if width or profile.age is None else ["the data set has no age"]
    for name in _WORDS:
        row[USER_PREFIX + name], phrases = _one_hot(name, getattr(profile, name), known[name])
        ignored += phrases
    return row, ignored


def _one_hot(name: str, typed: str | None, words: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """float32 (1, k), ignoring case; a zip code counts by its first digits."""
    row = np.zeros((1, len(words)), dtype=np.float32)
    if typed is None:
        return row, []
    label = name.replace("_", " ")
    if not len(words):
        return row, [f"the data set has no {label}"]
    key = typed.strip().casefold()
    if name == ZIP_CODE:
        key = key[: max(len(word) for word in words.tolist())]
    row[0] = [word.casefold() == key for word in words.tolist()]
    if row.any():
        return row, []
    hint = "" if name == ZIP_CODE else f" (known: {', '.join(words.tolist())})"
    return row, [f"{label} '{typed}' is unknown or too rare, so it is ignored{hint}"]
