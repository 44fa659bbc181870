from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.evaluation import scoring
from reelbench.evaluation.scoring import top_k
from reelbench.features.block import Ids
from reelbench.models.base import Recommender


class Fixed:
    """Stands for a fitted model: scores from a table."""

    def __init__(self, table: np.ndarray) -> None:
        self.table = table
        self.ids = Ids(*table.shape, 1.0, 5.0)
        self.largest_request = 0
        self.threads = 2

    def score(self, users: np.ndarray) -> np.ndarray:
        self.largest_request = max(self.largest_request, len(users))
        return self.table[users]


@pytest.fixture
def model() -> Recommender:
    return Fixed(np.random.default_rng(0).integers(0, 5, (23, 40)).astype(np.float32))  # type: ignore


def test_chunks_give_what_one_call_gives(model: Fixed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "_SCORE_BYTES", 4 * 40 * 5)
    users = np.arange(3, 23)
    seen = sparse.csr_array(np.random.default_rng(1).random((20, 40)) < 0.3)
    ranked = scoring.rank(model, users, seen, 7)
    assert model.largest_request == 5
    assert ranked.lists.items.tolist() == top_k(model.table[users], seen, 7).tolist()
    assert (
        ranked.lists.scores == np.take_along_axis(model.table[users], ranked.lists.items, axis=1)
    ).all()
    assert ranked.seconds > 0
    assert ranked.lists.last_items.shape == (20, 0)  # nobody asked


def test_the_bottom_in_chunks(model: Fixed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "_SCORE_BYTES", 4 * 40 * 5)
    users = np.arange(3, 23)
    seen = np.random.default_rng(1).random((20, 40)) < 0.3
    ranked = scoring.rank(model, users, sparse.csr_array(seen), 7, bottom=9)
    whole = [
        sorted(np.flatnonzero(~seen[row]), key=lambda i, row=row: (-model.table[users[row], i], i))
        for row in range(20)
    ]
    assert ranked.lists.last_items.tolist() == [ranking[:-10:-1] for ranking in whole]
    assert ranked.lists.candidates.tolist() == [len(ranking) for ranking in whole]
    scores = np.take_along_axis(model.table[users], ranked.lists.last_items, axis=1)
    assert (ranked.lists.last_scores == scores).all()


def test_empty_places_have_no_score(model: Fixed) -> None:
    seen = np.ones((1, 40), dtype=bool)
    seen[0, 11] = False
    ranked = scoring.rank(model, np.array([4]), sparse.csr_array(seen), 3, bottom=2)
    assert ranked.lists.items.tolist() == [[11, -1, -1]]
    assert np.isnan(ranked.lists.scores).tolist() == [[False, True, True]]
    assert ranked.lists.last_items.tolist() == [[11, -1]] and ranked.lists.candidates.tolist() == [
        1
    ]
    assert np.isnan(ranked.lists.last_scores).tolist() == [[False, True]]


def test_long_work_says_how_far_it_is(
    model: Fixed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(scoring, "_SCORE_BYTES", 4 * 40 * 10)
    monkeypatch.setattr(scoring, "_SECONDS_BETWEEN_LINES", -1.0)
    caplog.set_level("INFO")
    scoring.rank(model, np.arange(23), sparse.csr_array((23, 40), dtype=bool), 2)
    assert [record.getMessage() for record in caplog.records] == [
        "ranked 10 of 23 users",
        "ranked 20 of 23 users",
        "ranked 23 of 23 users",
    ]


def test_ratings_are_predicted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sums:
        predicts_ratings = True
        sizes: ClassVar[list[int]] = []

        def predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
            self.sizes.append(len(user_idx))
            return (user_idx + item_idx).astype(np.float32)

    monkeypatch.setattr(scoring, "_RATINGS_AT_ONCE", 4)
    rows = Interactions.from_arrays(range(10), range(10, 20), [3.0] * 10)
    found = scoring.predict(Sums(), rows)  # type: ignore[arg-type]
    assert found.predicted is not None
    assert found.predicted.tolist() == [10 + 2 * i for i in range(10)]
    assert Sums.sizes == [1, 4, 4, 2]
