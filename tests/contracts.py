"""What every recommender must do, as one class, on a matrix whose right answer is known.

Two groups of users and two groups of movies: a movie of the own group gets 5, one of the other
group 1. A third of the pairs is kept out of train, so ranking them takes more than memory. The
last two users and the last two movies have no rating at all (cold); features say which group a
cold movie is in.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Block, Features, Ids
from reelbench.features.matrices import sparse_arrays
from reelbench.models.base import Recommender

N_USERS, N_ITEMS, N_COLD = 22, 18, 2
IDS = Ids(N_USERS, N_ITEMS, 1.0, 5.0)
USERS, ITEMS = np.arange(N_USERS), np.arange(N_ITEMS)
WARM_USERS, WARM_ITEMS = USERS[:-N_COLD], ITEMS[:-N_COLD]
#: (n_users, n_items): whether user and movie are of one group
SAME_GROUP = USERS[:, None] % 2 == ITEMS[None, :] % 2
UNKNOWN = np.array([-1, 10**6])


def ratings(keep: tuple[int, ...]) -> Interactions:
    """Warm pairs whose (user + item) leaves one of the remainders `keep` when divided by 3."""
    users, items = (grid.ravel() for grid in np.meshgrid(WARM_USERS, WARM_ITEMS, indexing="ij"))
    kept = np.isin((users + items) % 3, keep)
    users, items = users[kept], items[kept]
    return Interactions.from_arrays(users, items, np.where(SAME_GROUP[users, items], 5, 1))


def nothing() -> Interactions:
    return Interactions.from_arrays([], [], [])


TRAIN, VALID = ratings((0, 1)), ratings((2,))
TAGGED = Interactions.from_arrays(TRAIN.user_idx[::5], TRAIN.item_idx[::5], TRAIN.rating[::5])
SAID = (TAGGED.rating > 3).astype(int)


def blocks() -> dict[str, Block]:
    """Every block that a model may declare; all of them tell the two groups apart."""
    group = ITEMS % 2
    one_hot = np.eye(2, dtype=np.float32)[group]
    noise = np.random.default_rng(0).normal(scale=0.1, size=(N_ITEMS, 8)).astype(np.float32)
    tokens = np.stack([group + 1, 3 + ITEMS % 3 % 2, 0 * ITEMS], axis=1).astype(np.int32)
    tokens[4] = 0  # a title without a known word
    vectors = np.vstack([np.zeros((1, 4)), 2 * np.eye(4)]).astype(np.float32)
    return {
        "genres": {"genres": one_hot, "names": np.array(["even", "odd"])},
        "years": {"year": one_hot[:, :1] - 0.5, "known": np.ones((N_ITEMS, 1), np.float32)},
        "titles": {
            "tokens": tokens,
            "vectors": vectors,
            "words": np.array(["", "even", "odd", "the", "a"]),
        },
        "text": {"text": np.hstack([one_hot, noise])},
        "tags": {**sparse_arrays(sparse.csr_array(one_hot)), "terms": np.array(["even", "odd"])},
        "overviews": {
            **sparse_arrays(sparse.csr_array(np.hstack([one_hot, np.abs(noise) > 0.1]))),
            "terms": np.array(["even", "odd", *"abcdefgh"]),
        },
        "directors": {"director": (group + 1).astype(np.int32), "names": np.array(["", "a", "b"])},
        # users of both groups are of every zip code too
        "categories": {
            "title_length_number": (group + 1).astype(np.int32),
            "title_length_values": np.array(["", "10", "11"]),
            "user_zip_code_number": (USERS % 3).astype(np.int32),
            "user_zip_code_values": np.array(["", "10001", "10002"]),
        },
        # a few pairs of train have a word for how they are rated
        "row_tags": {
            **{f"pair_{n}": a for n, a in sparse_arrays(sparse.csr_array(np.eye(2)[SAID])).items()},
            "pair_user": TAGGED.user_idx,
            "pair_item": TAGGED.item_idx,
            "terms": np.array(["bad", "good"]),
        },
        "noise": {"noise": noise},
        "numeric": {"numeric": one_hot[:, :1] - 0.5},
        # users of both groups are of every age and occupation: nothing is to be learned from them
        "demographics": {
            "user_age": (USERS % 3 / 3.0).astype(np.float32)[:, None],
            "user_occupation": np.eye(3, dtype=np.float32)[USERS % 3],
            "occupations": np.array(["artist", "doctor", "student"]),
        },
    }


def of_train(user: int) -> tuple[np.ndarray, np.ndarray]:
    """Items and ratings of a user of train."""
    own = user == TRAIN.user_idx
    return TRAIN.item_idx[own], TRAIN.rating[own]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


class RecommenderContract:
    """Inherit as `TestX`, name the class, its parameters and its blocks."""

    model_class: ClassVar[type[Recommender]]
    parameters: ClassVar[dict[str, Any]] = {}
    features: ClassVar[tuple[str, ...]] = ()
    #: whether the order of movies differs between users
    personalised: ClassVar[bool] = True
    #: whether it reads features of users, so that cold users differ from each other
    knows_cold_users: ClassVar[bool] = False
    #: whether the features that it reads tell cold movies apart
    knows_cold_movies: ClassVar[bool] = True
    #: whether it prefers nothing for a user without ratings; False for a network that was never
    #: shown one in training, whose dense layers make anything of an embedding of zeros
    neutral_to_cold_users: ClassVar[bool] = True
    #: what a user of train gets who is given as a new one: the same scores, nearly the same, or
    #: None for a model that has no fold-in
    fold_in: ClassVar[Literal["exact", "close"] | None] = None
    #: whether a fit with another seed is tried; False where it would not show on data this small,
    #: or has been tried with a model of the same class
    tries_seeds: ClassVar[bool] = True

    @classmethod
    def fresh(cls) -> Recommender:
        return cls.model_class(seed=7, threads=1, **cls.parameters)

    @classmethod
    def declared(cls) -> Features:
        everything = blocks()
        return Features(IDS, {name: everything[name] for name in cls.features})

    @pytest.fixture(scope="class")
    def model(self) -> Recommender:
        model = self.fresh()
        assert model.fit(TRAIN, VALID, self.declared()) is model
        return model

    def test_it_can_be_created_without_arguments(self) -> None:
        assert self.model_class().config == self.model_class.Config()

    def test_empty_train_is_refused(self) -> None:
        with pytest.raises(ValueError, match="train is empty"):
            self.fresh().fit(nothing(), VALID, self.declared())

    def test_not_fitted_is_an_error(self) -> None:
        with pytest.raises(RuntimeError, match="not fitted"):
            self.fresh().predict([0], [0])

    def test_predictions_are_on_the_scale(self, model: Recommender) -> None:
        users, items = np.repeat(USERS, N_ITEMS), np.tile(ITEMS, N_USERS)
        rating = model.predict(users, items)
        assert rating.shape == (N_USERS * N_ITEMS,)
        assert rating.dtype == np.float32
        assert np.isfinite(rating).all()
        assert rating.min() >= IDS.rating_min
        assert rating.max() <= IDS.rating_max

    def test_scores_have_a_row_per_user_and_a_column_per_item(self, model: Recommender) -> None:
        scores = model.score(USERS)
        assert scores.shape == (N_USERS, N_ITEMS)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()

    def test_rows_do_not_depend_on_each_other(self, model: Recommender) -> None:
        picked = np.array([5, 0, 5, N_USERS - 1])
        np.testing.assert_allclose(model.score(picked), model.score(USERS)[picked], atol=1e-5)
        pairs = np.array([3, 1, 2]), np.array([2, 0, 2])
        alone = [model.predict([u], [i])[0] for u, i in zip(*pairs, strict=True)]
        np.testing.assert_allclose(model.predict(*pairs), alone, atol=1e-5)

    def test_unknown_and_cold_have_a_finite_answer(self, model: Recommender) -> None:
        strange = np.concatenate([UNKNOWN, USERS[-N_COLD:]])
        known_items = np.zeros(len(strange), dtype=int)
        assert np.isfinite(model.predict(strange, known_items)).all()
        strange_items = np.concatenate([UNKNOWN, ITEMS[-N_COLD:]])
        assert np.isfinite(model.predict(known_items, strange_items)).all()
        assert np.isfinite(model.predict(UNKNOWN, UNKNOWN)).all()
        assert np.isfinite(model.score(strange)).all()

    def test_cold_and_unknown_users_get_one_and_the_same_answer(self, model: Recommender) -> None:
        cold = USERS[N_USERS:] if self.knows_cold_users else USERS[-N_COLD:]
        scores = model.score(np.concatenate([UNKNOWN, cold]))
        np.testing.assert_allclose(scores, np.broadcast_to(scores[0], scores.shape), atol=1e-6)

    def test_a_cold_user_is_not_taken_for_a_fan_of_one_group(self, model: Recommender) -> None:
        """The groups are mirror images: without ratings there is nothing to prefer one for."""
        if not self.neutral_to_cold_users:
            pytest.skip("training never showed a user without an embedding")
        scores = model.score([N_USERS - 1])[0, WARM_ITEMS]
        spread = model.score(WARM_USERS)[:, WARM_ITEMS].std() if self.personalised else 1.0
        difference = scores[0::2].mean() - scores[1::2].mean()
        assert abs(difference) <= 0.25 * spread

    def test_empty_input_gives_empty_output(self, model: Recommender) -> None:
        none = np.array([], dtype=int)
        assert model.predict(none, none).shape == (0,)
        assert model.score(none).shape == (0, N_ITEMS)
        assert model.predict([], []).dtype == np.float32

    def test_wrong_indices_are_errors(self, model: Recommender) -> None:
        with pytest.raises(ValueError, match="lengths must agree"):
            model.predict([0, 1], [0])
        with pytest.raises(TypeError, match="must be integers"):
            model.predict([0.5], [0])

    def test_score_agrees_with_predict(self, model: Recommender) -> None:
        if not model.scores_are_ratings:
            pytest.skip("scores of a model that ranks another way are not ratings")
        scores = model.score(USERS).ravel()
        rating = model.predict(np.repeat(USERS, N_ITEMS), np.tile(ITEMS, N_USERS))
        np.testing.assert_allclose(np.clip(scores, 1, 5), rating, atol=1e-4)

    def test_unseen_movies_of_the_own_group_come_first(self, model: Recommender) -> None:
        if not self.personalised:
            pytest.skip("the same order for everybody")
        scores = model.score(WARM_USERS)[:, WARM_ITEMS]
        own = SAME_GROUP[np.ix_(WARM_USERS, WARM_ITEMS)]
        unseen = ~TRAIN.seen(N_USERS, N_ITEMS).toarray()[np.ix_(WARM_USERS, WARM_ITEMS)]
        worst_own = np.where(own & unseen, scores, np.inf).min(axis=1)
        best_other = np.where(~own & unseen, scores, -np.inf).max(axis=1)
        assert (worst_own > best_other).all()

    def test_features_say_where_a_cold_movie_belongs(self, model: Recommender) -> None:
        if not self.features or not self.knows_cold_movies:
            pytest.skip("the model reads no features of movies")
        cold = ITEMS[-N_COLD:]
        scores = model.score(WARM_USERS)[:, cold]
        own = SAME_GROUP[np.ix_(WARM_USERS, cold)]
        assert (scores[own] > scores[~own]).all()

    def test_loaded_model_answers_the_same(self, model: Recommender, tmp_path: Path) -> None:
        model.save(tmp_path / "model")
        loaded = Recommender.load(tmp_path / "model")
        assert type(loaded) is self.model_class
        assert loaded.config == model.config
        users, items = np.repeat(USERS, N_ITEMS), np.tile(ITEMS, N_USERS)
        np.testing.assert_array_equal(loaded.predict(users, items), model.predict(users, items))
        np.testing.assert_array_equal(loaded.score(UNKNOWN), model.score(UNKNOWN))
        np.testing.assert_array_equal(loaded.score(USERS), model.score(USERS))
        loaded.save(tmp_path / "again")
        assert contents(tmp_path / "again") == contents(tmp_path / "model")

    def test_valid_may_be_empty_and_a_refit_gives_the_same_bytes(
        self, model: Recommender, tmp_path: Path
    ) -> None:
        """Neither an earlier fit of the instance nor the state of global generators shows."""
        again = self.fresh()
        if self.features:
            again.fit(TRAIN, features=self.declared())
        else:  # train itself says how large the catalogue is
            again.fit(replace(TRAIN, ids=IDS))
        assert np.isfinite(again.score(USERS)).all()
        random.seed(99)
        np.random.seed(99)
        again.fit(TRAIN, VALID, self.declared())
        assert again.history == model.history
        model.save(tmp_path / "first")
        again.save(tmp_path / "second")
        assert contents(tmp_path / "first") == contents(tmp_path / "second")

    def test_it_says_whether_it_depends_on_the_seed(self, model: Recommender) -> None:
        if not self.tries_seeds:
            assert model.stochastic
            return
        other = self.model_class(seed=8, threads=1, **self.parameters)
        other.fit(TRAIN, VALID, self.declared())
        same = np.allclose(other.score(USERS), model.score(USERS), rtol=1e-4, atol=1e-4)
        assert same == (not model.stochastic)

    def test_no_file_is_a_pickle(self, model: Recommender, tmp_path: Path) -> None:
        model.save(tmp_path / "model")
        for name, content in contents(tmp_path / "model").items():
            assert Path(name).suffix in {".json", ".npz", ".h5", ".safetensors"}, name
            assert not content.startswith(b"\x80"), name
        with np.load(tmp_path / "model" / "arrays.npz", allow_pickle=False) as arrays:
            assert all(arrays[name].dtype != object for name in arrays.files)

    def test_a_user_of_train_given_as_a_new_one(self, model: Recommender) -> None:
        assert model.can_fold_in == (self.fold_in is not None)
        if not model.can_fold_in:
            with pytest.raises(NotImplementedError, match="no fold-in"):
                model.fold_in([0], [5.0])
            return
        before = model.score(WARM_USERS)
        folded = [model.fold_in(*of_train(user)) for user in WARM_USERS]
        scores = np.concatenate([copy.score([-1]) for copy in folded])
        np.testing.assert_array_equal(model.score(WARM_USERS), before)  # they were copies
        if self.fold_in == "exact":
            np.testing.assert_allclose(scores, before, atol=1e-4)
        elif self.personalised:
            alike = np.corrcoef(scores, before)[: len(scores), len(scores) :]
            assert np.diag(alike).min() > 0.9

    def test_a_new_user_has_ratings_of_items_of_the_catalogue(self, model: Recommender) -> None:
        if not model.can_fold_in:
            pytest.skip("the model has no fold-in")
        for items, ratings in (([], []), ([0], [5, 5]), ([0, 0], [5, 4]), ([N_ITEMS], [5])):
            with pytest.raises(ValueError, match="of a new user"):
                model.fold_in(np.array(items, dtype=int), ratings)

    def test_similar_items_are_of_the_same_group(self, model: Recommender) -> None:
        found = np.stack([model.similar_items(item) for item in ITEMS])
        assert found.shape == (N_ITEMS, N_ITEMS) and found.dtype == np.float64
        assert np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1 + 1e-6
        for outside in (-1, N_ITEMS):
            with pytest.raises(ValueError, match="the catalogue has 0 to 17"):
                model.similar_items(outside)
        if not self.personalised:
            return
        same = (ITEMS[:, None] % 2 == ITEMS % 2)[:-N_COLD, :-N_COLD]
        own, other = found[:-N_COLD, :-N_COLD][same], found[:-N_COLD, :-N_COLD][~same]
        assert own.mean() > 0.1 + other.mean()

    def test_vectors_of_items(self, model: Recommender, tmp_path: Path) -> None:
        vectors = model.item_vectors()
        if vectors is None:
            pytest.skip("the model has no vectors of items")
        assert vectors.ndim == 2 and len(vectors) == N_ITEMS and vectors.dtype == np.float32
        assert np.isfinite(vectors).all()
        model.save(tmp_path / "model")
        np.testing.assert_array_equal(Recommender.load(tmp_path / "model").item_vectors(), vectors)

    def test_history_has_a_row_per_epoch(self, model: Recommender) -> None:
        assert [row["epoch"] for row in model.history] == list(range(1, len(model.history) + 1))
        assert all(
            np.isfinite([row["train_loss"], row["valid_loss"]]).all() for row in model.history
        )
