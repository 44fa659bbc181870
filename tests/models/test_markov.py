from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contracts import IDS, TRAIN, RecommenderContract
from real_tables import tables_of

from reelbench.data.interactions import Interactions, Parts
from reelbench.evaluation.evaluate import evaluate
from reelbench.features.block import Ids
from reelbench.models.markov import Markov
from reelbench.models.shared.user_items import age, in_order
from reelbench.params import ParamsError

PARAMETERS = {
    "window": 6,
    "decay": 0.9,
    "backward": 0.5,
    "memory": 1.0,
    "shrinkage": 0.5,
    "min_rating": 4.0,
}


class TestMarkov(RecommenderContract):
    """Every movie is watched by everybody, whatever they think of it: only ratings tell."""

    model_class = Markov
    fold_in = "exact"
    parameters = PARAMETERS


def sequences(n_users: int = 9, n_items: int = 7, seed: int = 0) -> Interactions:
    """A few random sequences with ties in time, in rows of no order."""
    rng = np.random.default_rng(seed)
    rows = [
        (u, i, rng.integers(1, 6), rng.integers(4))
        for u in range(n_users)
        for i in rng.permutation(n_items)[: rng.integers(1, n_items)]
    ]
    part = Interactions.from_arrays(*np.array(rows)[rng.permutation(len(rows))].T)
    return Interactions(*part.columns(), ids=Ids(n_users, n_items, 1.0, 5.0))


def test_a_cycle_is_learned() -> None:
    """0 → 1 → 2 → 0: what comes next is first, wherever a user begins."""
    start = np.arange(30)
    items = (start[:, None] + np.arange(2)) % 3
    times = np.broadcast_to(np.arange(2), items.shape)
    train = Interactions.from_arrays(
        np.repeat(start, 2), items.ravel(), np.full(60, 5), times.ravel()
    )
    model = Markov(shrinkage=0.1).fit(train)
    np.testing.assert_array_equal(model.score(start).argmax(axis=1), (start + 2) % 3)


@pytest.mark.parametrize("window", [1, 3, 100])
def test_scores_are_those_of_the_formula(window: int) -> None:
    train, config = sequences(), {"decay": 0.7, "backward": 0.4, "memory": 0.6, "shrinkage": 2.0}
    n_users, n_items = 9, 7
    order = sorted(zip(*(c.tolist() for c in train.columns()), strict=True))
    of_user = [
        [i for *_, i in sorted((t, i) for v, i, _, t in order if v == u)] for u in range(n_users)
    ]
    counts = np.zeros((n_items, n_items))
    for items in of_user:
        for place, a in enumerate(items):
            for gap, b in enumerate(items[place + 1 : place + 1 + window]):
                counts[a, b] += 0.7**gap
                counts[b, a] += 0.4 * 0.7**gap
    times = np.bincount(train.item_idx, minlength=n_items)
    expected = np.zeros((n_users, n_items))
    for u, items in enumerate(of_user):
        for later, a in enumerate(reversed(items)):
            chance = counts[a] + 2.0 * times / len(train)
            chance = chance / (counts[a].sum() + 2.0) ** 0.5 / np.maximum(times, 1) ** 0.3
            expected[u] += 0.6**later * chance
    model = Markov(window=window, normalization=0.5, popularity_power=0.3, **config).fit(train)
    np.testing.assert_allclose(model.score(np.arange(n_users)), expected, rtol=2e-5)
    np.testing.assert_allclose(model.score([-1])[0], expected.mean(axis=0), rtol=2e-5)


def test_a_chain_of_order_one_is_a_distribution() -> None:
    train = sequences()
    scores = Markov().fit(train).score(np.arange(9))
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, rtol=1e-5)


def test_the_order_of_a_new_users_ratings_counts() -> None:
    model = Markov(shrinkage=0.1).fit(sequences())
    forth, back = (model.fold_in(items, [5, 5]).score([-1]) for items in ([0, 1], [1, 0]))
    np.testing.assert_allclose(forth, model.fold_in([1], [5]).score([-1]), rtol=1e-5)
    assert np.abs(forth - back).max() > 0.01


def test_all_users_folded_in_at_once_get_what_each_one_gets() -> None:
    train = sequences()
    model, ids = Markov(memory=0.5, window=3).fit(train), Ids(9, 7, 1.0, 5.0)
    rows = in_order(train)
    together = model._fold_in_users(rows, ids).score(np.arange(9))
    for user in range(9):
        own = rows.select(rows.user_idx == user)
        alone = model.fold_in(own.item_idx, own.rating).score([-1])
        np.testing.assert_allclose(together[[user]], alone, rtol=1e-5)


def test_somebody_who_likes_nothing_gets_the_mean_of_all() -> None:
    model = Markov(**PARAMETERS).fit(TRAIN, None)
    assert model.ids.n_items <= IDS.n_items
    np.testing.assert_array_equal(model.fold_in([0], [1.0]).score([-1]), model.score([-1]))


def test_order_is_by_time_and_then_by_item() -> None:
    rows = in_order(
        Interactions.from_arrays([1, 0, 0, 0], [0, 2, 1, 3], [5, 5, 5, 1], [1, 2, 2, 0])
    )
    assert rows.item_idx.tolist() == [3, 1, 2, 0]
    assert age(rows.user_idx).tolist() == [2, 1, 0, 0]
    assert in_order(rows, 4.0).item_idx.tolist() == [1, 2, 0]
    with pytest.raises(ParamsError, match="min_rating 6"):
        in_order(rows, 6.0)


def test_what_order_is_worth_on_movielens_100k(ml_100k: Path) -> None:
    """nDCG@10 of each user's last rating, where `popularity` has 0.033 and `ials` 0.069.

    With `backward=1` only nearness counts, with `memory=1` besides nothing that is recent.
    """
    rows = tables_of("ml-100k", ml_100k)["interactions"]
    columns = (rows[name] for name in ("user_idx", "item_idx", "rating", "timestamp"))
    ordered = in_order(Interactions.from_arrays(*columns))
    last = age(ordered.user_idx)
    parts = Parts(ordered.select(last > 1), Interactions.empty(), ordered.select(last == 1))
    model = {"window": 5, "decay": 0.8, "normalization": 0.25, "popularity_power": 0.4}
    found = {}
    for memory, backward in ((0.8, 0.0), (0.8, 1.0), (1.0, 1.0)):
        fitted = Markov(memory=memory, backward=backward, **model).fit(parts.train)
        found[memory, backward] = evaluate(fitted, parts).metrics["ndcg_at_10"]
    assert list(found.values()) == pytest.approx([0.1146, 0.1072, 0.0503], abs=2e-3)
