from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.models.shared.biases import biases_around_prior, damped_biases

IDS = Ids(4, 5, 1.0, 5.0)
TRAIN = Interactions.from_arrays(
    [0, 0, 1, 1, 2, 2, 3], [0, 1, 0, 1, 2, 3, 3], [5, 4, 4, 3, 1, 2, 2]
)
DAMPING = {"user_damping": 5.0, "item_damping": 2.0}


def test_a_damping_of_zero_gives_plain_means_and_no_nan() -> None:
    biases = damped_biases(TRAIN, IDS, 0.0, 0.0)
    assert biases.item[0] == 4.5 - 3.0
    assert biases.item[4] == 0.0
    assert np.isfinite(biases.user).all()


def test_each_effect_is_the_damped_mean_of_what_the_others_leave() -> None:
    rng = np.random.default_rng(0)
    users, items = np.divmod(rng.permutation(40 * 30)[:500], 30)
    train = Interactions.from_arrays(users, items, rng.integers(1, 6, 500))
    biases = damped_biases(train, Ids(40, 30, 1.0, 5.0), 5.0, 2.0)
    for index, effect, other, damping in (
        (users, biases.user, biases.item[items], 5.0),
        (items, biases.item, biases.user[users], 2.0),
    ):
        total = np.bincount(index, train.rating - biases.mean - other)
        expected = total / (np.bincount(index) + damping)
        np.testing.assert_allclose(effect[:-1], expected, atol=0.002)


def test_a_cold_item_takes_after_items_with_its_features() -> None:
    columns = np.array([[1.0], [1.0], [-1.0], [-1.0], [1.0]])
    biases = biases_around_prior(TRAIN, IDS, columns, regularization=0.1, **DAMPING)
    assert biases.item[4] > 0.5
    assert biases.item[5] == 0.0  # unknown: no features


def test_without_user_effects_it_is_the_formula() -> None:
    columns = np.random.default_rng(0).normal(size=(5, 2))
    biases = biases_around_prior(
        TRAIN, IDS, columns, user_damping=1e12, item_damping=2.0, regularization=0.7
    )
    residual = TRAIN.rating - TRAIN.rating.mean()
    count = np.bincount(TRAIN.item_idx, minlength=5)
    total = np.bincount(TRAIN.item_idx, residual, minlength=5)
    seen = count > 0
    model = Ridge(alpha=0.7).fit(
        columns[seen], (total / np.maximum(count, 1))[seen], (count / (count + 2.0))[seen]
    )
    expected = (total + 2.0 * model.predict(columns)) / (count + 2.0)
    np.testing.assert_allclose(biases.item[:-1], expected, atol=1e-9)
