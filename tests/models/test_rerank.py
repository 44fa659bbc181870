"""Re-ranked lists, against the definitions of their methods written out for one user."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from contracts import IDS, TRAIN, USERS, VALID, RecommenderContract, blocks

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.popularity import Popularity
from reelbench.models.rerank import Rerank, calibrated, mmr, shares_of
from reelbench.models.shared.fold_in import FoldedIn
from reelbench.params import ParamsError

IALS = {"_target_": "reelbench.models.ials.IALS", "factors": 4, "epochs": 15, "bags": 2}
IALS |= {"regularization": 5.0, "alpha": 5.0, "rating_power": 3.0}
BIAS = {"_target_": "reelbench.models.bias.Bias"}
ST = {"_target_": "reelbench.models.st.ST", "features": ["genres"], "weights": {"genres": 1.0}}


class TestMMR(RecommenderContract):
    model_class = Rerank
    fold_in = "close"
    parameters = {"base": {"ials": IALS}, "weight": 0.02}  # noqa: RUF012
    features = ("genres",)
    knows_cold_movies = False  # the base does not


class TestCalibrated(RecommenderContract):
    model_class = Rerank
    fold_in = "close"
    parameters = {"base": {"st": ST}, "method": "calibrated", "weight": 0.01}  # noqa: RUF012
    features = ("genres",)


class TestFloor(RecommenderContract):
    model_class = Rerank
    fold_in = "close"
    parameters = {  # noqa: RUF012
        "base": {"ials": IALS}, "method": "popularity_floor", "min_ratings": 2
    }  # fmt: skip


def pools(n: int = 12, p: int = 20, d: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Descending relevance (n, p), and vectors (n, p, d) of zeros and ones, some without any."""
    rng = np.random.default_rng(1)
    relevance = -np.sort(-rng.random((n, p)), axis=1)
    return relevance, (rng.random((n, p, d)) < 0.3).astype(float)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    size = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / size) if size else 0.0


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.8])
def test_mmr_as_defined(weight: float) -> None:
    relevance, vectors = pools()
    found = mmr(relevance, vectors, weight)
    for own, rows, order in zip(relevance, vectors, found, strict=True):
        chosen: list[int] = []
        while len(chosen) < len(own):
            costs = [max((cosine(v, rows[c]) for c in chosen), default=0.0) for v in rows]
            values = (1 - weight) * own - weight * np.array(costs)
            values[chosen] = -np.inf
            assert values[order[len(chosen)]] == pytest.approx(values.max(), abs=1e-12)
            chosen.append(int(order[len(chosen)]))


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.8])
def test_calibrated_as_defined(weight: float) -> None:
    relevance, vectors = pools()
    shares = shares_of(vectors)
    wanted = shares_of(np.random.default_rng(2).random((len(relevance), 6)).round(1))
    found = calibrated(relevance, shares, wanted, weight)
    for own, rows, goal, order in zip(relevance, shares, wanted, found, strict=True):
        for place in range(len(own)):
            values = np.full(len(own), -np.inf)
            for item in set(range(len(own))) - set(order[:place]):
                total = rows[[*order[:place], item]].sum(axis=0)
                q = 0.99 * (total / total.sum() if total.sum() else total) + 0.01 * goal
                some = goal > 0
                divergence = (goal[some] * np.log(goal[some] / q[some])).sum()
                values[item] = (1 - weight) * own[item] - weight * divergence
            assert values[order[place]] == pytest.approx(values.max(), abs=1e-12)


def test_nothing_is_wanted_of_an_unknown_user() -> None:
    relevance, vectors = pools()
    order = calibrated(relevance, shares_of(vectors), np.zeros((len(relevance), 6)), 0.5)
    assert (order == np.arange(20)).all()


def test_a_floor_keeps_both_orders() -> None:
    counts = np.bincount(TRAIN.item_idx, minlength=IDS.n_items)
    _, scores, before = fitted(100, method="popularity_floor", min_ratings=14)
    seen = TRAIN.seen(IDS.n_users, IDS.n_items).toarray()
    for own, base, hidden in zip(scores, before, seen, strict=True):
        left = np.flatnonzero(~hidden)
        order = left[np.argsort(-own[left])]
        above = (counts[left] >= 14).sum()
        assert (counts[order[:above]] >= 14).all() and (counts[order[above:]] < 14).all()
        for part in (order[:above], order[above:]):
            assert (np.diff(base[part]) <= 1e-6).all()
    assert 0 < (counts >= 14).sum() < len(counts) - 2


def fitted(pool: int, **changes: Any) -> tuple[Rerank, np.ndarray, np.ndarray]:
    """A model, its scores, and those of its base; the base has many ties."""
    settings = {"base": {"bias": BIAS}, "pool": pool, "weight": 0.6} | changes
    model = Rerank(**settings).fit(TRAIN, features=Features(IDS, blocks()))
    return model, model.score(USERS), model._base.score(USERS)


@pytest.mark.parametrize("method", ["mmr", "calibrated", "popularity_floor"])
@pytest.mark.parametrize("pool", [1, 5, 100])
def test_only_the_pool_moves_and_nothing_ties(method: str, pool: int) -> None:
    _, scores, before = fitted(pool, method=method, min_ratings=12)
    seen = TRAIN.seen(IDS.n_users, IDS.n_items).toarray()
    moved = 0
    for own, base, hidden in zip(scores, before, seen, strict=True):
        assert (own[hidden] == base[hidden]).all()
        left = np.flatnonzero(~hidden)
        first = left[np.argsort(-base[left], kind="stable")][:pool]
        rest = np.setdiff1d(left, first)
        assert (own[rest] == base[rest]).all()
        assert len(np.unique(own[first])) == len(first)
        if len(rest):
            assert own[first].min() > own[rest].max()
        np.testing.assert_allclose(np.sort(own[first]), np.sort(base[first]), atol=1e-5)
        moved += (first[np.argsort(-own[first])] != first).any()
    assert (moved > 0) == (pool > 1)


def test_whether_it_folds_in_is_known_before_a_fit() -> None:
    fixed = {"_target_": "reelbench.models.co_clustering.CoClustering"}
    assert Rerank(base={"ials": IALS}).can_fold_in and not Rerank(base={"c": fixed}).can_fold_in


@pytest.mark.parametrize("method", ["mmr", "calibrated", "popularity_floor"])
def test_users_folded_in_together_are_those_folded_in_alone(method: str) -> None:
    settings: dict[str, Any] = {"base": {"ials": IALS}, "method": method, "pool": 6}
    model = Rerank(**settings, weight=0.5).fit(TRAIN, features=Features(IDS, blocks()))
    profiles = TRAIN.select(TRAIN.user_idx >= 15)
    together = FoldedIn(model, profiles).score(USERS[15:20])
    for user, scores in zip(range(15, 20), together, strict=True):
        own = profiles.user_idx == user
        alone = model.fold_in(profiles.item_idx[own], profiles.rating[own]).score([-1])[0]
        np.testing.assert_allclose(scores, alone, atol=1e-5)


def test_movies_of_valid_are_no_candidates() -> None:
    settings: dict[str, Any] = {"base": {"bias": BIAS}, "pool": 3, "weight": 0.9}
    model = Rerank(**settings).fit(TRAIN, VALID, Features(IDS, blocks()))
    both = Interactions.concat(TRAIN, VALID).seen(IDS.n_users, IDS.n_items).toarray()
    before, after = model._base.score(USERS), model.score(USERS)
    assert (before[both] == after[both]).all()


def test_equal_scores_far_from_zero_are_told_apart() -> None:
    """A step of 1e-7 would be lost beside a count of ten million."""
    train = Interactions.from_arrays([0, 0, 1], [0, 1, 2], [5, 4, 3])
    many = np.float32(10_000_000)
    features = Features(Ids(2, 8, 1.0, 5.0), {"genres": {"g": np.eye(8, 3, dtype=np.float32)}})
    base = {"popularity": {"_target_": "reelbench.models.popularity.Popularity"}}
    model = Rerank(base=base, pool=4).fit(train, features=features)
    assert isinstance(model._base, Popularity)
    model._base._count = np.full(8, many)
    scores = model.score([0])[0]
    pool, rest = scores[2:6], scores[6:]
    assert len(np.unique(pool)) == 4 and pool.min() > rest.max() and pool.max() < many + 10
    # of equally relevant movies those of other genres come first
    assert scores[2] > scores[3]


def test_genres_of_the_list_are_those_of_the_profile() -> None:
    """A user of two movies of one genre and one of another, and a base that knows one genre."""
    genre = np.repeat([0, 1], 20)
    block = {"g": np.eye(2, dtype=np.float32)[genre]}
    crowd = np.repeat(np.arange(1, 30), 4)
    train = Interactions.from_arrays(
        [0, 0, 0, *crowd], [0, 1, 20, *np.tile([2, 3, 4, 5], 29)], np.full(3 + len(crowd), 5)
    )
    features = Features(Ids(30, 40, 1.0, 5.0), {"genres": block})
    base = {"popularity": {"_target_": "reelbench.models.popularity.Popularity"}}
    settings: dict[str, Any] = {"base": base, "method": "calibrated", "weight": 0.9}
    model = Rerank(**settings).fit(train, features=features)
    first = np.argsort(-np.where(np.isin(np.arange(40), [0, 1, 20]), -1, model.score([0])[0]))[:12]
    assert (genre[first] == 0).sum() == 8
    new = model.fold_in([20, 21], [5, 5])
    assert genre[np.argsort(-new.score([-1])[0])[:2]].tolist() == [1, 1]


def test_negative_vectors_are_no_shares_of_genres() -> None:
    with pytest.raises(ParamsError, match="block noise is no shares: choose block: genres"):
        fitted(5, method="calibrated", block="noise")


def test_a_base_by_name_and_one_only() -> None:
    for base in ({}, {"a": BIAS, "b": BIAS}):
        with pytest.raises(ValueError, match="base"):
            Rerank(base=base)
    with pytest.raises(ValueError, match="unknown key 'factorz'"):
        Rerank(base={"ials": IALS | {"factorz": 3}})
