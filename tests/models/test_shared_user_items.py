from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.models.shared.user_items import Profiles, choices, preferences
from reelbench.params import ParamsError

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
