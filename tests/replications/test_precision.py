from __future__ import annotations

import numpy as np
import pytest
from contracts import IDS, TRAIN, VALID, nothing

from reelbench.data.interactions import Interactions
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.evaluate import Parts, evaluate
from reelbench.features.block import Features, Ids
from reelbench.models.popularity import Popularity
from replications import precision as module
from replications.precision import precision_at

OPTIONS = {
    "k": (3,),
    "min_relevant_rating": None,
    "candidates": "catalogue",
    "rank_by": "score",
    "similarity": "ids",
    "calibration_bins": 4,
    "rare_item_ratings": 2,
    "bootstrap_samples": 10,
}


@pytest.fixture(scope="module")
def model() -> Popularity:
    return Popularity().fit(TRAIN, nothing(), Features(IDS))


def test_without_the_movies_of_train_it_is_what_evaluate_says(model: Popularity) -> None:
    movies = Movies({}, np.full(IDS.n_items, np.nan), {})
    parts = Parts(TRAIN, nothing(), VALID)
    honest = evaluate(model, parts, EvaluateConfig(**OPTIONS), movies, 0).metrics
    assert precision_at(model, VALID, 3, remove=TRAIN) == honest["precision_at_3"]


def test_movies_of_train_take_the_places_of_others() -> None:
    """Movie 0 is the most popular: user 0 has it in train, and movie 1 is the answer."""
    train = Interactions.from_arrays([0, 1, 2, 1, 2, 1], [0, 0, 0, 1, 1, 2], [5] * 6)
    test = Interactions.from_arrays([0], [1], [5])
    fitted = Popularity().fit(train, nothing(), Features(Ids(3, 3, 1.0, 5.0)))
    assert precision_at(fitted, test, 1) == 0.0
    assert precision_at(fitted, test, 1, remove=train) == 1.0
    assert precision_at(fitted, test, 2) == 0.5
    assert precision_at(fitted, train, 1) == 1.0
    assert precision_at(fitted, train, 3) == pytest.approx((1 + 3 + 2) / 9)


def test_slices_of_users_make_no_difference(
    model: Popularity, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = precision_at(model, VALID, 5)
    monkeypatch.setattr(module, "_CELLS", 3 * IDS.n_items)
    assert precision_at(model, VALID, 5) == pytest.approx(whole)


def test_an_empty_part_is_an_error(model: Popularity) -> None:
    with pytest.raises(ValueError, match="no user to rank for"):
        precision_at(model, nothing(), 5)
