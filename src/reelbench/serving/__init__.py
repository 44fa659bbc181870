"""Answers to requests for movies, the same on the terminal, as JSON and in the app."""

from dataclasses import asdict, dataclass, replace
from typing import Self


class AskError(ValueError):
    """A request that cannot be answered; the message names what can be asked instead."""


class UnknownTitleError(AskError):
    """No title of the catalogue is close to the one that was typed."""


@dataclass(frozen=True)
class Recommendation:
    """One movie of a list."""

    rank: int  # from 1
    item_id: str  # as in the source
    title: str  # in full, as in the catalogue
    year: int | None  # None where it is unknown
    genres: tuple[str, ...]  # may be empty
    #: what the list is ordered by, comparable within one answer only; None where filters or sliders
    #: have a part in the order
    score: float | None
    rating_mean: float | None  # mean of its ratings in train; None without any
    rating_count: int  # number of its ratings in train
    reasons: tuple[str, ...] = ()  # facts that speak for the movie, a short sentence each
    stars: tuple[float, float, float] | None = None  # predicted rating, bounds of its 80 % interval

    @property
    def title_and_year(self) -> str:
        """The title with its year in brackets, if that is known."""
        return self.title if self.year is None else f"{self.title} ({self.year})"


@dataclass(frozen=True)
class Answer:
    """A list of movies."""

    model: str  # the model, or the kind of similarity, that the list comes from
    asked: str  # what the list is for, such as "user 42, 20 ratings in train"
    note: str  # what the reader should know, such as that another model was used; may be empty
    recommendations: tuple[Recommendation, ...]

    def with_notes(self, *notes: str) -> Self:
        """A copy with sentences in front of the note."""
        return replace(self, note=" ".join(text for text in (*notes, self.note) if text))

    def as_json(self) -> dict[str, object]:
        """What `--json` prints (docs/recommend.md); keys are stable, new ones may be added."""
        return {"for" if key == "asked" else key: value for key, value in asdict(self).items()}


def capitalized(text: str) -> str:
    """The text with its first letter in upper case and the others unchanged."""
    return text[:1].upper() + text[1:]
