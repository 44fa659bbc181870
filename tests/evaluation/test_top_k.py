from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from reelbench.evaluation.top_k import candidates_only, last, top_k


def mask(rows: list[list[int]], n_items: int) -> sparse.csr_array:
    dense = np.zeros((len(rows), n_items), dtype=bool)
    for row, items in enumerate(rows):
        dense[row, items] = True
    return sparse.csr_array(dense)


def brute_force(scores: np.ndarray, seen: np.ndarray, k: int) -> np.ndarray:
    """The definition, a user and an item at a time."""
    lists = np.full((len(scores), k), -1)
    for user, row in enumerate(scores):
        candidates = [i for i in range(len(row)) if not seen[user, i] and row[i] > -np.inf]
        best = sorted(candidates, key=lambda i: (-row[i], i))[:k]
        lists[user, : len(best)] = best
    return lists


def brute_force_last(scores: np.ndarray, seen: np.ndarray, k: int) -> np.ndarray:
    """The whole ranking by the same definition, read from its end."""
    lists = np.full((len(scores), k), -1)
    for user, whole in enumerate(brute_force(scores, seen, scores.shape[1])):
        end = [item for item in reversed(whole) if item >= 0][:k]
        lists[user, : len(end)] = end
    return lists


def test_descending_score_without_the_seen() -> None:
    scores = np.array([[0.1, 0.9, 0.5, 0.7]], dtype=np.float32)
    # by score: 1, 3, 2, 0; item 1 is seen
    assert top_k(scores, mask([[1]], 4), 2).tolist() == [[3, 2]]


def test_ties_go_to_the_smaller_index_also_at_the_cut() -> None:
    scores = np.array([[1, 2, 1, 2, 1, 1]], dtype=np.float32)
    # two places of score 2, then the first two of the four items of score 1
    assert top_k(scores, mask([[]], 6), 4).tolist() == [[1, 3, 0, 2]]


def test_all_scores_equal_gives_the_first_items() -> None:
    lists = top_k(np.zeros((3, 5000), np.float32), mask([[], [0, 2], [4999]], 5000), 4)
    assert lists.tolist() == [[0, 1, 2, 3], [1, 3, 4, 5], [0, 1, 2, 3]]


def test_the_last_places_are_those_of_the_same_order() -> None:
    scores = np.array([[1, 2, 1, np.inf, 1, 9]], dtype=np.float32)
    # the whole ranking is 3, 5, 1, 0, 2, 4; item 4 is seen
    allowed = candidates_only(scores, mask([[4]], 6))
    assert last(allowed, 2).tolist() == [[2, 0]]
    assert last(allowed, 7).tolist() == [[2, 0, 1, 5, 3, -1, -1]]


def test_too_few_candidates_end_in_minus_one() -> None:
    scores = np.array([[3, 2, 1], [3, 2, 1]], dtype=np.float32)
    lists = top_k(scores, mask([[0, 2], [0, 1, 2]], 3), 5)
    assert lists.tolist() == [[1, -1, -1, -1, -1], [-1] * 5]


def test_minus_infinity_is_never_recommended() -> None:
    assert top_k([[-np.inf, 0.0, np.inf]], mask([[]], 3), 3).tolist() == [[2, 1, -1]]


def test_the_callers_scores_are_left_as_they_are() -> None:
    scores = np.array([[1.0, 2.0]], dtype=np.float32)
    scores.setflags(write=False)
    top_k(scores, mask([[1]], 2), 1)
    assert scores.tolist() == [[1.0, 2.0]]


def test_no_users_give_no_lists() -> None:
    assert top_k(np.empty((0, 7), np.float32), sparse.csr_array((0, 7), dtype=bool), 3).shape == (
        0,
        3,
    )


@pytest.mark.parametrize("place", [0, 57, 99])
def test_nan_is_refused(place: int) -> None:
    scores = np.zeros((2, 100), dtype=np.float32)
    scores[1, place] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        top_k(scores, mask([[], []], 100), 3)


def test_nan_is_refused_beside_infinity() -> None:
    with pytest.raises(ValueError, match="NaN"):
        top_k([[np.inf, np.nan]], mask([[]], 2), 1)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="shapes must agree"):
        top_k(np.zeros((1, 3)), mask([[]], 4), 1)


def test_k_must_be_positive() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        top_k(np.zeros((1, 3)), mask([[]], 3), 0)


def test_agrees_with_the_definition() -> None:
    for case in range(300):
        rng = np.random.default_rng(case)
        n_users, n_items = int(rng.integers(1, 8)), int(rng.integers(1, 700))
        k = int(rng.integers(1, 25))
        if case % 3 == 0:  # few distinct scores: long runs of ties
            scores = rng.integers(0, 4, size=(n_users, n_items)).astype(np.float32)
        else:
            scores = rng.normal(size=(n_users, n_items)).astype(np.float32)
        if case % 5 == 0:
            scores[rng.random(scores.shape) < 0.2] = -np.inf
        seen = rng.random(scores.shape) < rng.choice([0.0, 0.3, 0.97])
        lists = top_k(scores, sparse.csr_array(seen), k)
        assert lists.dtype == np.int32
        assert lists.tolist() == brute_force(scores, seen, k).tolist()
        lowest = last(candidates_only(scores, sparse.csr_array(seen)), k)
        assert lowest.dtype == np.int32
        assert lowest.tolist() == brute_force_last(scores, seen, k).tolist()
