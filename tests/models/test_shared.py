from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.models.shared.biases import DampingConfig, damped_biases
from reelbench.models.shared.state import Saved, restore, state_of
from reelbench.models.shared.user_items import Profiles, choices, preferences
from reelbench.params import ParamsError


@dataclass(frozen=True)
class Pair:
    number: float
    matrix: sparse.csr_array


class Base:
    limit: int = 3
    _mean: Saved[float]


class Fitted(Base):
    names: Saved[np.ndarray]
    _pair: Saved[Pair]


def fitted() -> Fitted:
    made = Fitted()
    made._mean, made.names = 1.5, np.array(["a", "b"])
    made._pair = Pair(2.5, sparse.csr_array(np.array([[0.0, 1.0], [2.0, 0.0]])))
    return made


def test_marked_attributes_of_all_classes_come_back() -> None:
    state = state_of(fitted())
    assert {"mean", "names", "pair_number"} < set(state) and "limit" not in state
    again = Fitted()
    restore(again, {**state, "else": np.zeros(1)})
    assert again._mean == 1.5 and again._pair.number == 2.5 and again.names.tolist() == ["a", "b"]
    np.testing.assert_array_equal(again._pair.matrix.toarray(), [[0, 1], [2, 0]])


@pytest.mark.parametrize("missing", ["mean", "names", "pair_number", "pair_matrix_sparse_data"])
def test_a_missing_array_is_an_error(missing: str) -> None:
    state = state_of(fitted())
    del state[missing]
    with pytest.raises(KeyError):
        restore(Fitted(), state)


IDS = Ids(4, 3, 1.0, 5.0)


#: user 2 is cold
TRAIN = Interactions.from_arrays([0, 0, 1, 3], [0, 2, 2, 2], [5, 1, 3, 4])


def test_a_rating_counts_by_its_place_on_the_scale() -> None:
    expected = [[1, 0, 0.2], [0, 0, 0.6], [0, 0, 0], [0, 0, 0.8]]
    np.testing.assert_allclose(preferences(TRAIN, IDS, 1.0).toarray(), expected, rtol=1e-6)
    squared = np.square(expected)
    np.testing.assert_allclose(preferences(TRAIN, IDS, 2.0).toarray(), squared, rtol=1e-6)
    assert preferences(TRAIN, IDS, 0.0).toarray().tolist() == np.ceil(expected).tolist()


def test_a_scale_that_holds_zero_loses_no_rating() -> None:
    train = Interactions.from_arrays([0, 1], [0, 0], [0, 10])
    found = preferences(train, Ids(2, 1, 0.0, 10.0), 1.0)
    np.testing.assert_allclose(found.toarray(), [[0.2], [1.0]], rtol=1e-6)


def test_one_rating_for_all_is_no_division_by_zero() -> None:
    train = Interactions.from_arrays([0], [0], [3])
    assert np.isfinite(preferences(train, Ids(1, 1, 3.0, 3.0), 1.0).data).all()


def test_choices_are_ones_from_a_rating_on() -> None:
    assert choices(TRAIN, IDS, 4.0).toarray().tolist() == [[1, 0, 0], [0] * 3, [0] * 3, [0, 0, 1]]
    assert choices(TRAIN, IDS, None).nnz == 4


def test_no_rating_that_is_good_enough_is_an_error() -> None:
    with pytest.raises(ParamsError, match=r"min_rating 6 \(the highest is 5\)"):
        choices(TRAIN, IDS, 6.0)


def test_cold_and_unknown_users_get_the_mean_of_the_others() -> None:
    profiles = Profiles.of(choices(TRAIN, IDS, None))
    found = profiles.rows(np.array([0, 2, -1, 3])).toarray()
    mean = [1 / 3, 0, 1]
    np.testing.assert_allclose(found, [[1, 0, 1], mean, mean, [0, 0, 1]], rtol=1e-6)


def test_a_user_whose_entries_are_all_zero_is_not_cold() -> None:
    entries = sparse.csr_array(([0.0, 2.0], ([0, 1], [0, 0])), shape=(2, 1))
    assert Profiles.of(entries).rows(np.array([0])).toarray().tolist() == [[0.0]]


BIAS_IDS = Ids(4, 5, 1.0, 5.0)


RATED = Interactions.from_arrays(
    [0, 0, 1, 1, 2, 2, 3], [0, 1, 0, 1, 2, 3, 3], [5, 4, 4, 3, 1, 2, 2]
)


def damping(user: float, item: float) -> DampingConfig:
    return DampingConfig(user_damping=user, item_damping=item)


def test_a_damping_of_zero_gives_plain_means_and_no_nan() -> None:
    biases = damped_biases(RATED, BIAS_IDS, damping(0.0, 0.0))
    assert biases.item[0] == 4.5 - 3.0
    assert biases.item[4] == 0.0
    assert np.isfinite(biases.user).all()


def test_each_effect_is_the_damped_mean_of_what_the_others_leave() -> None:
    rng = np.random.default_rng(0)
    users, items = np.divmod(rng.permutation(40 * 30)[:500], 30)
    train = Interactions.from_arrays(users, items, rng.integers(1, 6, 500))
    biases = damped_biases(train, Ids(40, 30, 1.0, 5.0), damping(5.0, 2.0))
    for index, effect, other, added in (
        (users, biases.user, biases.item[items], 5.0),
        (items, biases.item, biases.user[users], 2.0),
    ):
        total = np.bincount(index, train.rating - biases.mean - other)
        expected = total / (np.bincount(index) + added)
        np.testing.assert_allclose(effect[:-1], expected, atol=0.002)


def test_a_cold_item_takes_after_items_with_its_features() -> None:
    columns = np.array([[1.0], [1.0], [-1.0], [-1.0], [1.0]])
    biases = damped_biases(RATED, BIAS_IDS, damping(5.0, 2.0), columns=columns, regularization=0.1)
    assert biases.item[4] > 0.5
    assert biases.item[5] == 0.0  # unknown: no features


def test_without_user_effects_it_is_the_formula() -> None:
    columns = np.random.default_rng(0).normal(size=(5, 2))
    biases = damped_biases(RATED, BIAS_IDS, damping(1e12, 2.0), columns=columns, regularization=0.7)
    residual = RATED.rating - RATED.rating.mean()
    count = np.bincount(RATED.item_idx, minlength=5)
    total = np.bincount(RATED.item_idx, residual, minlength=5)
    seen = count > 0
    model = Ridge(alpha=0.7).fit(
        columns[seen], (total / np.maximum(count, 1))[seen], (count / (count + 2.0))[seen]
    )
    expected = (total + 2.0 * model.predict(columns)) / (count + 2.0)
    np.testing.assert_allclose(biases.item[:-1], expected, atol=1e-9)
