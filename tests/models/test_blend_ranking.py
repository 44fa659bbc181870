from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from reelbench.models.blend.weights import ranking_weights, standardised

NOTHING_SEEN = sparse.csr_array((300, 40), dtype=bool)


def boolean(rows: list[list[int]]) -> sparse.csr_array:
    return sparse.csr_array(np.array(rows, dtype=bool))


def planted(shares: tuple[float, ...]) -> tuple[list[np.ndarray], sparse.csr_array]:
    """Members each know a part of what is relevant: the top 3 of their sum with these shares."""
    rng = np.random.default_rng(5)
    members = [rng.normal(size=NOTHING_SEEN.shape).astype(np.float32) for _ in shares]
    truth = sum(share * member for share, member in zip(shares, members, strict=True))
    threshold = np.sort(truth, axis=1)[:, [-3]]
    return members, sparse.csr_array(truth >= threshold)


def test_planted_weights_are_found() -> None:
    members, relevant = planted((1.0, 0.5, 0.0))
    weights = ranking_weights(members, relevant, NOTHING_SEEN, 3)
    np.testing.assert_allclose(weights, [1.0, 0.5, 0.0])


def test_the_best_member_has_weight_one_wherever_it_stands() -> None:
    members, relevant = planted((0.25, 0.0, 1.0))
    weights = ranking_weights(members, relevant, NOTHING_SEEN, 3)
    np.testing.assert_allclose(weights, [0.25, 0.0, 1.0])


def test_weights_beside_the_grid_are_found() -> None:
    members, relevant = planted((1.0, 0.64))
    weights = ranking_weights(members, relevant, NOTHING_SEEN, 3)
    assert weights[0] == 1.0
    assert abs(weights[1] - 0.64) < 0.05


def test_the_same_bytes_twice_and_arguments_left_alone() -> None:
    members, relevant = planted((1.0, 0.5, 0.3))
    before = [member.copy() for member in members]
    first, second = (ranking_weights(members, relevant, NOTHING_SEEN, 3) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    for member, copy in zip(members, before, strict=True):
        np.testing.assert_array_equal(member, copy)


def test_seen_items_do_not_take_places() -> None:
    """Member 0 knows what is relevant, but puts a seen item above it."""
    members = [np.array([[3.0, 2.0, 1.0]]), np.array([[0.0, 1.0, 2.0]])]
    relevant = boolean([[0, 1, 0]])
    seen, unseen = boolean([[1, 0, 0]]), boolean([[0, 0, 0]])
    np.testing.assert_array_equal(ranking_weights(members, relevant, seen, 1), [1.0, 0.0])
    # nobody has a hit alone without it
    np.testing.assert_array_equal(ranking_weights(members, relevant, unseen, 1), [1.0, 1.0])


def test_a_list_longer_than_the_candidates_recommends_nothing_seen() -> None:
    members = [np.array([[3.0, 2.0, 1.0]]), np.array([[3.0, 1.0, 2.0]])]
    weights = ranking_weights(members, boolean([[0, 0, 1]]), boolean([[1, 0, 0]]), 9)
    np.testing.assert_array_equal(weights, [0.0, 1.0])


def test_of_equals_the_first_is_kept_alone() -> None:
    members, relevant = planted((1.0,))
    weights = ranking_weights([members[0]] * 3, relevant, NOTHING_SEEN, 3)
    np.testing.assert_array_equal(weights, [1.0, 0.0, 0.0])


def test_ties_go_to_the_lower_item_as_in_the_evaluation() -> None:
    flat, wrong = np.zeros((1, 3)), np.array([[0.0, 0.0, 1.0]])
    relevant, unseen = boolean([[1, 0, 0]]), boolean([[0, 0, 0]])
    np.testing.assert_array_equal(ranking_weights([wrong, flat], relevant, unseen, 1), [0.0, 1.0])


def test_nothing_relevant_tells_members_apart() -> None:
    members, _ = planted((1.0, 0.5))
    nothing = sparse.csr_array(NOTHING_SEEN.shape, dtype=bool)
    np.testing.assert_array_equal(ranking_weights(members, nothing, NOTHING_SEEN, 3), [1.0, 1.0])


def test_wrong_arguments_are_errors() -> None:
    with pytest.raises(ValueError, match="at least one member"):
        ranking_weights([], NOTHING_SEEN, NOTHING_SEEN, 3)
    with pytest.raises(ValueError, match="shapes must agree"):
        ranking_weights([np.zeros((2, 3))], NOTHING_SEEN, NOTHING_SEEN, 3)


def test_the_evaluation_measures_the_same() -> None:
    """The weights that win here win by the metric of the leaderboard too."""
    from reelbench.evaluation.ranking_metrics import hits_of, ndcg
    from reelbench.evaluation.scoring import top_k
    from reelbench.models.blend.weights import _Judge

    rng = np.random.default_rng(2)
    members = [np.round(rng.normal(size=(50, 30)), 1).astype(np.float32) for _ in range(2)]
    relevant, seen = (sparse.csr_array(rng.random((50, 30)) < share) for share in (0.05, 0.3))
    total = members[0] + np.float32(0.5) * members[1]
    lists = top_k(total, seen, 10)
    values = ndcg(hits_of(lists, relevant), np.diff(relevant.indptr), 10)
    assert np.isnan(values).any()
    judge = _Judge(members, relevant, seen, 10, threads=2)
    np.testing.assert_allclose(judge.ndcg(np.array([1.0, 0.5])), np.nanmean(values))


def test_standardised_by_hand() -> None:
    scores = np.array([[1.0, 3.0, 1.0, 3.0], [0.1, 0.1, 0.1, 0.1]])
    found = standardised(scores)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[-1, 1, -1, 1], [0, 0, 0, 0]], atol=1e-6)


def test_small_differences_on_a_large_mean_are_kept() -> None:
    found = standardised(np.array([[1000.0, 1001.0], [1e-9, 2e-9]]))
    np.testing.assert_allclose(found, [[-1, 1], [-1, 1]], rtol=1e-4)
