from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from reelbench.evaluation.scoring import Lists, rank_scores, top_k


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
    found = rank_scores(scores, mask([[4]], 6), 1, bottom=7)
    assert found.last_items.tolist() == [[2, 0, 1, 5, 3, -1, -1]]
    assert found.last_scores[0, :5].tolist() == [1, 1, 2, 9, np.inf]
    assert found.candidates.tolist() == [5]


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


def terms_by_definition(scores: np.ndarray, pool: np.ndarray, relevant: np.ndarray) -> list[float]:
    """Share of the irrelevant candidates below each relevant item, a pair at a time."""
    terms = []
    for user, item in zip(*np.nonzero(relevant), strict=True):
        others = scores[user][pool[user] & ~relevant[user]]
        below = (others < scores[user, item]).sum() + (others == scores[user, item]).sum() / 2
        below = below if pool[user, item] else 0.0
        terms.append(below / len(others) if len(others) else np.nan)
    return terms


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    """Scores with ties and infinities, and which pairs are seen, allowed and relevant."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    shape = draw(st.integers(1, 80)), draw(st.sampled_from([1, 2, 7, 60, 511, 512, 513, 1100]))
    scores = rng.normal(size=shape)
    if draw(st.booleans()):  # few distinct scores: long runs of ties
        scores = rng.integers(0, 4, size=shape).astype(float)
    if draw(st.booleans()):
        scores = np.sort(scores, axis=1)
    for infinity in draw(st.sets(st.sampled_from([-np.inf, np.inf]))):
        scores[rng.random(shape) < 0.2] = infinity
    masks = [
        rng.random(shape) < share
        for share in (
            draw(st.sampled_from([0.0, 0.3, 0.97, 1.0])),
            draw(st.sampled_from([0.02, 0.5, 1.0])),
            draw(st.sampled_from([0.0, 0.05, 0.6])),
        )
    ]
    among = rng.random(shape[1]) < draw(st.sampled_from([0.5, 1.0]))
    return scores.astype(draw(st.sampled_from([np.float32, np.float64]))), *masks, among


@settings(max_examples=120, deadline=None)
@given(cases(), st.integers(1, 25), st.integers(0, 25), st.booleans(), st.sampled_from([1, 2, 3]))
def test_agrees_with_the_definition(
    case: tuple[np.ndarray, ...], k: int, bottom: int, with_own: bool, threads: int
) -> None:
    scores, seen, own, relevant, among = case
    found = rank_scores(
        scores,
        sparse.csr_array(seen),
        k,
        relevant=sparse.csr_array(relevant),
        among=among,
        own=sparse.csr_array(own) if with_own else None,
        bottom=bottom,
        threads=threads,
    )
    barred = seen | ~among | (~own if with_own else False)
    pool = ~barred & (scores > -np.inf)
    assert found.items.dtype == found.last_items.dtype == np.int32
    assert found.items.tolist() == brute_force(scores, barred, k).tolist()
    assert found.last_items.tolist() == brute_force_last(scores, barred, bottom).tolist()
    assert found.candidates.tolist() == pool.sum(axis=1).tolist()
    for items, kept in ((found.items, found.scores), (found.last_items, found.last_scores)):
        own_scores = np.take_along_axis(scores, np.maximum(items, 0), axis=1)
        expected = np.where(items < 0, np.nan, own_scores).astype(np.float32)
        np.testing.assert_array_equal(kept, expected)
    np.testing.assert_array_equal(found.auc_terms, terms_by_definition(scores, pool, relevant))


def same_bytes(first: Lists, second: Lists) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(first, second, strict=True))


def test_the_number_of_threads_changes_no_byte() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 50, (333, 700)).astype(np.float32)
    seen, relevant = (sparse.csr_array(rng.random(scores.shape) < share) for share in (0.1, 0.05))
    one, *more = (
        rank_scores(scores, seen, 9, relevant=relevant, bottom=4, threads=threads)
        for threads in (1, 2, 5)
    )
    assert all(same_bytes(one, other) for other in more)


def test_nan_is_refused_by_every_thread() -> None:
    scores = np.zeros((500, 3), dtype=np.float32)
    scores[499, 2] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        rank_scores(scores, sparse.csr_array((500, 3), dtype=bool), 1, threads=3)


def test_ranking_holds_no_copy_of_the_scores() -> None:
    scores = np.zeros((2000, 5000), dtype=np.float32)
    seen = sparse.csr_array(scores.shape, dtype=bool)
    rank_scores(scores[:1], seen[:1], 10, bottom=10)  # compiled outside the measurement
    tracemalloc.start()
    rank_scores(scores, seen, 10, bottom=10, threads=2)
    allocated = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # lists of 20 places of 8 bytes a user; NumPy reports its arrays, of which scores are 40 MB
    assert allocated < 2_000_000
