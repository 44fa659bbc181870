"""Which model answers: the one that is named, or else the best of those that can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from reelbench.serving.answer import Answer
from reelbench.serving.library import Library
from reelbench.serving.listed import best
from reelbench.serving.popular import popular
from reelbench.serving.reasons import Anchors

#: a model's name → scores (n_items,) or, in words that go on after its name, why it has none
Ask = Callable[[str], np.ndarray | str]


@dataclass(frozen=True)
class Question:
    """What is the same whoever answers.

    Attributes:
        asked: for whom, in words.
        k: length of the list.
        seen: boolean CSR (1, n_items), what is not to be recommended.
        anchors: movies that reasons refer to.
    """

    asked: str
    k: int
    seen: sparse.csr_array
    anchors: Anchors


def answered(library: Library, question: Question, ask: Ask, model: str | None) -> Answer:
    """The answer of the named model; where it has none, of the best that has, with a note.

    Best is the highest nDCG on the leaderboard (`Shelf.best_first`). Without any model that has an
    answer, popular movies are.

    Raises:
        AskError: the named model is not trained, or k is less than 1.
    """
    refused = ""
    if model is not None:
        library.models.check(model)
        scores = _opinion(ask, model)
        if not isinstance(scores, str):
            return _listed(library, question, model, scores)
        refused = f"Model {model} {scores}"
    for name in library.models.best_first:
        scores = "" if name == model else _opinion(ask, name)
        if isinstance(scores, str):
            continue
        note = f"{refused}; {name} answers, the best of those that can." if refused else ""
        return _listed(library, question, name, scores).noting(note)
    note = f"{refused}." if refused else "No trained model has an answer."
    found = popular(library, question.k, question.asked, question.seen, question.anchors)
    return found.noting(note)


def _listed(library: Library, question: Question, name: str, scores: np.ndarray) -> Answer:
    found = best(library, scores, question.seen, question.k, question.anchors)
    return Answer(name, question.asked, "", found)


def _opinion(ask: Ask, name: str) -> np.ndarray | str:
    """Scores that tell movies apart, or why there are none."""
    scores = ask(name)
    if not isinstance(scores, str) and scores.max() - scores.min() < 1e-9:
        return "says the same of every movie"
    return scores
