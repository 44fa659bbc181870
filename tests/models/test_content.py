from __future__ import annotations

import numpy as np
from contracts import RecommenderContract
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Block, Features, Ids
from reelbench.features.matrices import sparse_arrays
from reelbench.models.content import Content

PARAMETERS = {
    "genre_weight": 0.5,
    "director_weight": 0.5,
    "neutral_below_mean": 0.0,
    "user_damping": 5.0,
}


class TestContent(RecommenderContract):
    model_class = Content
    fold_in = "exact"
    parameters = PARAMETERS
    features = ("genres", "tags", "directors")


#            space  love  | robots kiss | director
MOVIES = (
    ((1, 0), (1, 0), 1),
    ((1, 0), (0, 1), 0),
    ((0, 1), (1, 0), 0),
    ((0, 1), (0, 1), 1),
    ((0, 1), (0, 1), 1),
    ((1, 0), (1, 0), 0),
    ((0, 0), (0, 0), 1),
)
N_ITEMS = len(MOVIES)


def blocks() -> dict[str, Block]:
    genres, words, director = (np.array(part) for part in zip(*MOVIES, strict=True))
    words = 3.0 * words
    return {
        "genres": {"genres": genres.astype(np.float32), "names": np.array(["space", "love"])},
        "tags": {**sparse_arrays(sparse.csr_array(words)), "terms": np.array(["robots", "kiss"])},
        "directors": {"director": director.astype(np.int32), "names": np.array(["", "Ann"])},
    }


def fitted(ratings: tuple[int, ...] = (5, 1), **changes: float) -> Content:
    """User 0 has rated movies 0 and 3, user 1 nothing."""
    train = Interactions.from_arrays([0, 0], [0, 3], ratings)
    features = Features(Ids(2, N_ITEMS, 1.0, 5.0), blocks())
    return Content(**{**PARAMETERS, **changes}).fit(train, train, features)


def test_a_score_is_the_sum_of_opinions_times_likeness() -> None:
    """Mean 3, no damping: +2 for movie 0, -2 for movie 3; 0 and 3 are of one director."""
    scores = fitted(user_damping=0.0).score([0])[0]
    liked = np.array([1.0, 0.5, 0.5, 0.0, 0.0, 1.0, 0.0])
    disliked = np.array([0.0, 0.5, 0.5, 1.0, 1.0, 0.0, 0.0])
    same = 0.5 * np.array([1, 0, 0, 1, 1, 0, 1])
    np.testing.assert_allclose(scores, 2 * (liked + same) - 2 * (disliked + same), atol=1e-5)


def test_shared_people_add_their_cosine_where_the_block_is_declared() -> None:
    """Movie 6, which has neither genre nor tag, shares one of two people with movie 0."""
    people = np.zeros((N_ITEMS, 3))
    people[0, :2] = people[6, 1:] = 3.0
    cast = {**sparse_arrays(sparse.csr_array(people)), "terms": np.array(list("abc"))}
    train = Interactions.from_arrays([0], [0], [5])
    parameters = PARAMETERS | {"director_weight": 0.0, "user_damping": 0.0, "cast_weight": 0.8}
    model = Content(**parameters | {"neutral_below_mean": 1.0})
    features = Features(Ids(2, N_ITEMS, 1.0, 5.0), {**blocks(), "cast": cast})
    scores = model.fit(train, train, features).score([0])[0]  # one above what is neutral
    np.testing.assert_allclose(scores, [1.8, 0.5, 0.5, 0.0, 0.0, 1.0, 0.4], atol=1e-5)
    np.testing.assert_allclose(model._similar_items(0).max(), 1.0, atol=1e-6)


def test_the_neutral_rating_moves_a_dislike_towards_a_like() -> None:
    centred, lenient = (fitted(neutral_below_mean=n).score([0])[0] for n in (0.0, 3.0))
    assert centred[4] < 0 < lenient[4]
