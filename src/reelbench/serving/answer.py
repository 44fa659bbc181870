"""Answers to requests for movies, the same on the terminal, as JSON and in the app."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace


class AskError(ValueError):
    """A request that cannot be answered; the message names what can be asked instead."""


class UnknownTitleError(AskError):
    """No title of the catalogue is close to the one that was typed."""


@dataclass(frozen=True)
class Recommendation:
    """One movie of a list.

    Attributes:
        rank: from 1.
        item_id: as in the source.
        title: in full, as in the catalogue.
        year: None where it is unknown.
        genres: may be empty.
        score: what the list is ordered by; comparable within one answer only.
        rating_mean: mean of its ratings in train; None without any.
        rating_count: number of its ratings in train.
        reasons: facts that speak for the movie, a short sentence each.
    """

    rank: int
    item_id: str
    title: str
    year: int | None
    genres: tuple[str, ...]
    score: float
    rating_mean: float | None
    rating_count: int
    reasons: tuple[str, ...] = ()

    @property
    def title_and_year(self) -> str:
        """The title with its year in brackets, if that is known."""
        return self.title if self.year is None else f"{self.title} ({self.year})"


@dataclass(frozen=True)
class Answer:
    """A list of movies.

    Attributes:
        model: the model, or the kind of similarity, that the list comes from.
        asked: what the list is for, such as "user 42, 20 ratings in train".
        note: what the reader should know, such as that another model was used; may be empty.
    """

    model: str
    asked: str
    note: str
    recommendations: tuple[Recommendation, ...]

    def with_notes(self, *notes: str) -> Answer:
        """A copy with sentences in front of the note."""
        return replace(self, note=" ".join(text for text in (*notes, self.note) if text))

    def as_json(self) -> dict[str, object]:
        """What `--json` prints (docs/recommend.md); keys are stable, new ones may be added."""
        movies = [asdict(movie) for movie in self.recommendations]
        return {
            "model": self.model,
            "for": self.asked,
            "note": self.note,
            "recommendations": movies,
        }


def capitalized(text: str) -> str:
    """The text with its first letter in upper case and the others unchanged."""
    return text[:1].upper() + text[1:]
