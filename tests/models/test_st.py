from __future__ import annotations

import numpy as np
import pytest
from contracts import IDS, TRAIN, RecommenderContract, blocks
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from reelbench.features.block import Features
from reelbench.models.st import ST, principal_components, ridge
from reelbench.params import ParamsError

PARAMETERS = {
    "weights": {"text": 1.0, "genres": 0.3, "years": 0.3},
    "components": 8,
    "user_damping": 5.0,
    "item_damping": 5.0,
    "item_regularization": 2.0,
    "user_regularization": 1.0,
}


class TestST(RecommenderContract):
    model_class = ST
    parameters = PARAMETERS
    features = ("text", "genres", "years")


class TestSTFromTextAlone(RecommenderContract):
    model_class = ST
    parameters = {**PARAMETERS, "weights": {"text": 1.0}}  # noqa: RUF012
    features = ("text",)


def test_a_block_without_a_weight_is_named() -> None:
    features = Features(IDS, {"text": blocks()["text"]})
    with pytest.raises(
        ParamsError, match=r"genres, text, years, but the model's features are text"
    ):
        ST(**PARAMETERS).fit(TRAIN, TRAIN, features)


@pytest.mark.parametrize("n_rows", [3, 30])
def test_ridge_is_that_of_scikit_learn(n_rows: int) -> None:
    rng = np.random.default_rng(1)
    design, target = rng.normal(size=(n_rows, 7)), rng.normal(size=n_rows)
    expected = Ridge(alpha=2.5, fit_intercept=False).fit(design, target).coef_
    np.testing.assert_allclose(ridge(design, target, 2.5), expected)


def test_components_are_those_of_scikit_learn_up_to_their_sign() -> None:
    columns = np.random.default_rng(2).normal(size=(20, 6))
    rows = np.arange(12)
    expected = PCA(3).fit(columns[rows]).transform(columns)
    found = principal_components(columns, rows, 3)
    np.testing.assert_allclose(np.abs(found), np.abs(expected))
