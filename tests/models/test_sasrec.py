from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts import (
    N_ITEMS,
    N_USERS,
    SAME_GROUP,
    TRAIN,
    WARM_ITEMS,
    WARM_USERS,
    RecommenderContract,
)

from reelbench.data.interactions import Ids, Interactions
from reelbench.models.base import Recommender
from reelbench.models.sasrec import SASRec, SASRecConfig, build, latest, loss_of, windows
from reelbench.models.shared.user_items import in_order
from reelbench.seeds import seed_keras

SMALL: dict[str, Any] = {"factors": 8, "blocks": 1, "max_length": 6, "dropout": 0.0}
PARAMETERS = {
    **SMALL,
    "epochs": 30,
    "patience": 30,
    "learning_rate": 0.02,
    "batch_size": 8,
    "min_rating": 4.0,
}


class TestSASRec(RecommenderContract):
    """Every movie is watched by everybody, whatever they think of it: only ratings tell."""

    model_class = SASRec
    fold_in = "exact"
    neutral_to_cold_users = False
    tries_seeds = False
    parameters = PARAMETERS

    def test_unseen_movies_of_the_own_group_come_first(self, model: Recommender) -> None:
        """On average: in one order for all, what comes next is soon known by heart."""
        scores = model.score(WARM_USERS)[:, WARM_ITEMS]
        own = SAME_GROUP[np.ix_(WARM_USERS, WARM_ITEMS)]
        unseen = ~TRAIN.seen(N_USERS, N_ITEMS).toarray()[np.ix_(WARM_USERS, WARM_ITEMS)]
        mean = [np.where(of & unseen, scores, np.nan) for of in (own, ~own)]
        assert (np.nanmean(mean[0], axis=1) > np.nanmean(mean[1], axis=1)).all()


def cycle(n_users: int = 30) -> Interactions:
    """0 → 1 → 2 → 0, from wherever a user begins; the last row of each user says what is next."""
    users, steps = np.divmod(np.arange(6 * n_users), 6)
    return Interactions.from_arrays(users, (users + steps) % 3, np.full(len(users), 5), steps)


def sequences() -> Interactions:
    """Of 9, 1 and 4 ratings; the second user is left out."""
    users = np.repeat([0, 2, 3], [9, 1, 4])
    items = [3, 1, 4, 0, 5, 2, 6, 7, 8, 5, 8, 7, 1, 0]
    rows = Interactions.from_arrays(users, items, np.full(14, 5), np.arange(14))
    return Interactions(*rows.columns(), ids=Ids(4, 9, 1.0, 5.0))


@pytest.mark.parametrize("negatives", [None, 4])
def test_a_cycle_is_learned(negatives: int | None) -> None:
    learned = {**SMALL, "negatives": negatives, "epochs": 25, "learning_rate": 0.05}
    rows = cycle()
    # each user rates a movie more than once here, so that nothing tells the next one but order
    model = SASRec(seed=1, **learned).fit(rows)
    users = np.arange(30)
    np.testing.assert_array_equal(model.score(users).argmax(axis=1), users % 3)
    assert model.history[-1]["train_loss"] < 0.5 * model.history[0]["train_loss"]


def test_what_comes_later_changes_no_state() -> None:
    seed_keras(0, 1)
    config = SASRecConfig(**{**SMALL, "blocks": 2, "heads": 2})
    network = build(9, config)
    before = np.array([[0, 0, 3, 1, 4, 2]], np.int32)
    after = np.array([[0, 0, 3, 1, 7, 8]], np.int32)
    one, other = (np.asarray(network(x, training=False)) for x in (before, after))
    np.testing.assert_array_equal(one[:, :4], other[:, :4])
    assert np.abs(one[:, 4] - other[:, 4]).max() > 1e-3
    earlier = np.asarray(network(np.array([[0, 0, 3, 6, 4, 2]], np.int32), training=False))
    assert np.abs(one[:, 5] - earlier[:, 5]).max() > 1e-5  # the past does
    padded = np.asarray(network(np.array([[0, 0, 0, 0, 4, 2]], np.int32), training=False))
    assert np.isfinite(padded).all()


def test_the_network_is_the_formula() -> None:
    """A block with two heads in NumPy, from the weights by their order."""
    seed_keras(3, 1)
    network = build(9, SASRecConfig(**{**SMALL, "heads": 2}))
    rng = np.random.default_rng(0)
    network.set_weights([w + 0.3 * rng.normal(size=w.shape) for w in network.get_weights()])
    items = np.array([0, 2, 9, 4, 1, 7])

    def weights_of(name: str) -> list[np.ndarray]:
        return [w.astype(float) for w in network.get_layer(name).get_weights()]

    def dense(name: str, x: np.ndarray) -> np.ndarray:
        kernel, bias = weights_of(f"block_0_{name}")
        return x @ kernel + bias

    def normed(name: str, x: np.ndarray) -> np.ndarray:
        gain, shift = weights_of(name)
        centred = x - x.mean(axis=1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-6) * gain + shift

    hidden = weights_of("items")[0][items] * 8**0.5 + weights_of("places")[0]
    x = normed("block_0_norm", hidden)
    query, key, value = (dense(name, x) for name in ("query", "key", "value"))
    heads = []
    for head in (slice(0, 4), slice(4, 8)):
        near = query[:, head] @ key[:, head].T / 2
        for row in range(6):
            for column in range(6):
                if column > row or (items[column] == 0 and column != row):
                    near[row, column] = -np.inf
        weights = np.exp(near - near.max(axis=1, keepdims=True))
        heads.append(weights / weights.sum(axis=1, keepdims=True) @ value[:, head])
    hidden = hidden + dense("seen", np.hstack(heads))
    x = normed("block_0_dense_norm", hidden)
    hidden = hidden + dense("dense_2", np.maximum(dense("dense_1", x), 0))
    expected = normed("norm", hidden)
    found = np.asarray(network(items[None], training=False))[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_losses_are_their_formulas() -> None:
    """Over all items; and over many draws, which is that over all that have a rating."""
    rng = np.random.default_rng(1)
    targets, states = np.array([[0, 3, 1]]), rng.normal(size=(1, 3, 8)).astype(np.float32)
    table, count = rng.normal(size=(6, 8)).astype(np.float32), np.array([4, 3, 2, 1, 0])
    scores = states[0, 1:] @ table[1:].T
    for negatives, drawn in ((None, 5), (20_000, 4)):
        config = SASRecConfig(**SMALL, negatives=negatives)
        network = build(5, config)
        network.get_layer("items").set_weights([table])
        found = np.asarray(loss_of(network, config, count, 0)(targets, states))
        expected = np.log(np.exp(scores[:, :drawn]).sum(axis=1)) - scores[[0, 1], [2, 0]]
        np.testing.assert_allclose(found, expected, rtol=0.03 if negatives else 1e-5)


def test_windows_predict_every_rating_but_the_first_once() -> None:
    rows = in_order(sequences())
    inputs, targets = windows(rows, 3)
    assert (inputs - 1).tolist() == [[2, 6, 7], [4, 0, 5], [-1, 3, 1], [8, 7, 1]]
    assert (targets - 1).tolist() == [[6, 7, 8], [0, 5, 2], [-1, 1, 4], [7, 1, 0]]
    assert windows(rows.select(np.array([0, 9])), 3)[0].shape == (0, 3)
    users, last = latest(rows, 3)
    assert users.tolist() == [0, 2, 3]
    assert (last - 1).tolist() == [[6, 7, 8], [-1, -1, 5], [7, 1, 0]]


def test_new_users_are_read_in_the_order_that_is_given() -> None:
    rows, ids = sequences(), Ids(4, 9, 1.0, 5.0)
    model = SASRec(seed=1, **{**SMALL, "epochs": 5}).fit(rows)
    forth, back = (model.fold_in(items, [5, 5, 5]).score([-1]) for items in ([1, 2, 3], [3, 2, 1]))
    assert np.abs(forth - back).max() > 1e-3
    together = model._fold_in_users(rows, ids).score(np.arange(4))
    np.testing.assert_allclose(together, model.score(np.arange(4)), atol=1e-5)
    # nobody's ratings are those of user 1, who gets the mean state
    np.testing.assert_allclose(together[1], model.score([-1])[0], atol=1e-6)


def test_a_saved_network_folds_in(tmp_path: Path) -> None:
    model = SASRec(seed=1, **{**SMALL, "epochs": 2}).fit(sequences())
    model.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    given = [4, 1], [5.0, 4.0]
    found, expected = (m.fold_in(*given).score([-1]) for m in (loaded, model))
    np.testing.assert_array_equal(found, expected)


def test_valid_stops_and_the_best_epoch_is_kept() -> None:
    rows, last = in_order(sequences()), np.array([8, 13])
    train = rows.select(np.setdiff1d(np.arange(14), last))
    model = SASRec(seed=1, **{**SMALL, "epochs": 30, "patience": 1, "learning_rate": 0.1})
    model.fit(train, rows.select(last))
    losses = [row["valid_loss"] for row in model.history]
    assert len(losses) < 30 and model._chosen()["epochs"] == int(np.argmin(losses)) + 1
    assert model._loss_on(train, rows.select(last)) == pytest.approx(min(losses), rel=1e-5)


def test_heads_that_do_not_divide_the_factors_are_refused() -> None:
    with pytest.raises(ValueError, match="8 cannot be divided among 3 heads"):
        SASRec(factors=8, heads=3)
