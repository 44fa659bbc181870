"""What is answered, whoever asks: on the terminal, as JSON, in the app."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any


class AskError(ValueError):
    """Somebody asked what cannot be answered; the message says what can be."""


@dataclass(frozen=True)
class Recommendation:
    """One movie of a list.

    Attributes:
        rank: from 1.
        item_id: as in the source.
        title: in full, as in the catalogue.
        year: None where it is not known.
        genres: may be empty.
        score: what the answering model orders by, comparable within one answer alone.
        rating_mean: of its ratings in train; None without any.
        rating_count: number of its ratings in train.
        reasons: facts that speak for it, a short phrase each.
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


@dataclass(frozen=True)
class Answer:
    """A list of movies.

    Attributes:
        model: which model, or which likeness, the list comes from.
        asked: for whom, or like what, in words.
        note: what the one who asked should know, such as that another model had to answer; may be
            empty.
    """

    model: str
    asked: str
    note: str
    recommendations: tuple[Recommendation, ...]

    def noting(self, *notes: str) -> Answer:
        """The same with sentences in front of the note."""
        return replace(self, note=" ".join(text for text in (*notes, self.note) if text))

    def as_json(self) -> dict[str, Any]:
        """The schema of `--json` (docs/recommend.md); keys stay, new ones may come."""
        found = [asdict(recommendation) for recommendation in self.recommendations]
        return {
            "model": self.model,
            "for": self.asked,
            "note": self.note,
            "recommendations": found,
        }
