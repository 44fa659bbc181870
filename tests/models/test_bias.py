from __future__ import annotations

import numpy as np
import surprise
from contracts import RecommenderContract
from surprise_oracle import IDS, ITEMS, TRAIN, USERS, predictions, trainset

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.bias import Bias


class TestBias(RecommenderContract):
    model_class = Bias
    fold_in = "exact"
    parameters = {"user_damping": 5.0, "item_damping": 2.0}  # noqa: RUF012
    personalised = False


def test_effects_by_hand() -> None:
    """Everybody rates everything, so effects do not lean on each other and one round settles them.

    Mean 3.5; item 0: (1.5 - 0.5) / (2 + 1) = 1/3; user 0: (5 + 4 - 2 · 3.5) / (2 + 1) = 2/3.
    """
    train = Interactions.from_arrays([0, 0, 1, 1], [0, 1, 0, 1], [5, 4, 3, 2])
    model = Bias(user_damping=1.0, item_damping=1.0).fit(train, train, Features(Ids(3, 3, 1, 5)))
    pairs = {(0, 0): 4.5, (2, 0): 3.5 + 1 / 3, (0, 2): 3.5 + 2 / 3, (2, 2): 3.5, (-1, -1): 3.5}
    users, items = np.array(list(pairs)).T
    np.testing.assert_allclose(model.predict(users, items), list(pairs.values()), rtol=1e-6)


def test_loved_movies_come_first() -> None:
    train = Interactions.from_arrays([0, 1, 2, 0, 1, 2], [0, 0, 0, 1, 1, 1], [1, 2, 1, 5, 4, 5])
    model = Bias(user_damping=5.0, item_damping=3.0).fit(train, train, Features(Ids(3, 3, 1, 5)))
    assert np.argsort(-model.score([0])[0]).tolist() == [1, 2, 0]


def test_with_ten_rounds_it_is_surprises_baseline() -> None:
    other = surprise.BaselineOnly({"reg_u": 15, "reg_i": 10, "n_epochs": 10}, verbose=False)
    expected = predictions(other.fit(trainset()))
    model = Bias(user_damping=15, item_damping=10, rounds=10).fit(TRAIN, None, Features(IDS))
    np.testing.assert_allclose(model.predict(USERS, ITEMS), expected, atol=1e-6)
