from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from contracts import IDS, N_ITEMS, N_USERS, TRAIN, VALID, RecommenderContract, blocks, nothing
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import ModelEntry, Recommender
from reelbench.models.bias import Bias
from reelbench.models.blend import Blend
from reelbench.models.blend.recommender import (
    comes_after,
    latest_parts,
    random_parts,
    some_users,
    together,
)
from reelbench.models.blend.weights import Counts, Stack, standardised
from reelbench.params import Section, preset

BIAS = {
    "_target_": "reelbench.models.bias.Bias",
    "code": "bias.py",
    "user_damping": 5.0,
    "item_damping": 2.0,
}
ST = {
    "_target_": "reelbench.models.st.ST",
    "code": "st.py",
    "features": ["genres"],
    "weights": {"genres": 1.0},
    "components": 2,
    "user_damping": 5.0,
    "item_damping": 5.0,
    "item_kernel": "linear",
    "gamma": 1.0,
    "landmarks": 10,
    "item_regularization": 2.0,
    "user_regularization": 1.0,
}
POPULARITY = {"_target_": "reelbench.models.popularity.Popularity", "code": "popularity.py"}
PARAMETERS: dict[str, Any] = {
    # not in the order of names: a loaded blend must not take one's weight for the other's
    "raters": {"st": ST, "bias": BIAS},
    "rankers": {},
    "weights_by_count": False,
    "folds": 2,
    "holdout": 0.2,
    "held_out": None,
    "fold_ratings": 10_000,
    "in_folds": {},
    "refit": False,
    "k": 3,
    "min_relevant_rating": 3.0,
}


def blend(**changes: Any) -> Blend:
    return Blend(seed=3, threads=1, **{**PARAMETERS, **changes})


def declared() -> Features:
    return Features(IDS, {name: blocks()[name] for name in ("genres", "years")})


class Spy(Bias):
    """Notes what each instance was fitted with."""

    fits: ClassVar[list[dict[str, Any]]] = []

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        seen = {"train": len(train), "valid": len(valid), "blocks": list(features)}
        self.fits.append({**seen, "seed": self.seed})
        super()._fit(train, valid, features)


@pytest.fixture
def spy() -> dict[str, Any]:
    Spy.fits.clear()
    return {**BIAS, "_target_": f"{__name__}.Spy", "features": ["years"]}


class TestBlend(RecommenderContract):
    tries_seeds = False
    model_class = Blend
    fold_in = "close"
    parameters = PARAMETERS
    features = ("genres",)


class TestBlendWithRankers(RecommenderContract):
    model_class = Blend
    tries_seeds = False
    fold_in = "close"
    parameters = {**PARAMETERS, "rankers": {"popularity": POPULARITY, "st": ST}, "refit": True}  # noqa: RUF012
    features = ("genres",)


class TestBlendWithWeightsByCount(RecommenderContract):
    tries_seeds = False
    model_class = Blend
    fold_in = "close"
    parameters = {**PARAMETERS, "weights_by_count": True}  # noqa: RUF012
    features = ("genres",)


OUT = round(0.2 * len(TRAIN))


def test_weights_come_from_parts_of_train_and_valid_only_stops_members(spy: dict[str, Any]) -> None:
    blend(raters={"spy": spy}).fit(TRAIN, VALID, declared())
    sizes = [(fit["train"], fit["valid"]) for fit in Spy.fits]
    assert sizes == [(len(TRAIN) - OUT, 0)] * 2 + [(len(TRAIN), len(VALID))]
    assert all(fit["blocks"] == ["years"] for fit in Spy.fits)


def test_what_valid_holds_changes_no_weight() -> None:
    rankers = {"popularity": POPULARITY, "st": ST}
    other = replace(VALID, rating=6 - VALID.rating)
    first, second = (blend(rankers=rankers).fit(TRAIN, v, declared()) for v in (VALID, other))
    for name in ("stack_weights", "ranking"):
        assert_array_equal(first._state()[name], second._state()[name])


def test_a_member_may_be_left_out_of_large_data() -> None:
    size = len(TRAIN)
    assert set(blend(at_most={"st": size}).fit(TRAIN, VALID, declared()).members) == {"bias", "st"}
    small = blend(at_most={"st": size - 1}).fit(TRAIN, VALID, declared())
    assert set(small.members) == {"bias"}
    assert small._stack.weights.shape == (2, 3)
    with pytest.raises(ValueError, match="at_most names x"):
        blend(at_most={"x": 1})


def test_members_may_be_cheaper_in_the_folds() -> None:
    model = blend(in_folds={"bias": {"user_damping": 99.0}})
    folded = model.config.members_in_folds
    assert folded["bias"].parameters == {"user_damping": 99.0, "item_damping": 2.0}
    assert folded["st"] == model.config.members["st"]
    assert model.config.members["bias"].parameters["user_damping"] == 5.0
    plain = blend().fit(TRAIN, VALID, declared())
    model.fit(TRAIN, VALID, declared())
    pairs = VALID.user_idx, VALID.item_idx
    assert_array_equal(model.members["bias"].predict(*pairs), plain.members["bias"].predict(*pairs))
    assert (model._stack.weights != plain._stack.weights).any()


def test_a_refit_is_to_train_and_valid_and_leaves_the_weights(spy: dict[str, Any]) -> None:
    raters = {"spy": spy, "st": ST}
    once = blend(raters=raters).fit(TRAIN, VALID, declared())
    Spy.fits.clear()
    twice = blend(raters=raters, refit=True).fit(TRAIN, VALID, declared())
    both = len(TRAIN) + len(VALID)
    assert [(fit["train"], fit["valid"]) for fit in Spy.fits][2:] == [(both, 0)]
    assert_array_equal(once._state()["stack_weights"], twice._state()["stack_weights"])
    assert_allclose(np.expm1(twice._state()["counts_user"]).sum(), both)
    whole = together(TRAIN, VALID)
    alone = Spy(user_damping=5.0, item_damping=2.0).fit(whole, nothing(), declared())
    pairs = np.arange(N_USERS), np.arange(N_USERS) % N_ITEMS
    assert_array_equal(twice.members["spy"].predict(*pairs), alone.predict(*pairs))


def test_a_refitted_blend_keeps_its_weights() -> None:
    model = blend().fit(TRAIN, VALID, declared())
    again = model.refitted(VALID, declared())
    assert_array_equal(again._stack.weights, model._stack.weights)
    alone = Bias(**{key: BIAS[key] for key in ("user_damping", "item_damping")})
    alone.fit(VALID, None, Features(IDS))
    users, items = VALID.user_idx, VALID.item_idx
    assert_allclose(again.members["bias"].predict(users, items), alone.predict(users, items))
    assert again._counts.user[users[0]] == np.log1p((users == users[0]).sum())


def test_a_folded_in_blend_predicts_by_raters_that_are_folded_in() -> None:
    ranker = {"popularity": POPULARITY}
    model = blend(rankers=ranker).fit(TRAIN, VALID, declared())
    items, ratings = TRAIN.item_idx[:3], TRAIN.rating[:3]
    folded = model.fold_in(items, ratings)
    answers = [model.members[n].fold_in(items, ratings).predict([-1], [1]) for n in ("bias", "st")]
    counts = np.log1p(3.0), model._counts.item[[1]]
    assert_allclose(folded.predict([-1], [1]), model._stack.combine(answers, *counts), rtol=1e-5)


def test_a_members_seed_comes_from_its_name(spy: dict[str, Any]) -> None:
    given = {**spy, "seed": 11}
    blend(raters={"b": spy, "a": spy, "given": given}).fit(TRAIN, VALID, declared())
    first = [fit["seed"] for fit in Spy.fits][-3:]
    Spy.fits.clear()
    blend(raters={"a": spy}).fit(TRAIN, VALID, declared())
    assert first[0] == Spy.fits[0]["seed"] != first[1]
    assert first[2] == 11


def test_the_stack_is_nearer_to_valid_than_any_member() -> None:
    def error(model: Recommender) -> float:
        return float(np.mean((model.predict(VALID.user_idx, VALID.item_idx) - VALID.rating) ** 2))

    model = blend().fit(TRAIN, VALID, declared())
    assert error(model) < min(error(member) for member in model.members.values())


def test_relevant_is_what_is_rated_high_enough() -> None:
    """Who rates what says nothing in this matrix, so without a limit nothing speaks for `st`."""
    rankers = {"popularity": POPULARITY, "st": ST}
    by_limit = {
        limit: blend(rankers=rankers, min_relevant_rating=limit).fit(TRAIN, VALID, declared())
        for limit in (3.0, None)
    }
    by_popularity, by_st = by_limit[3.0]._state()["ranking"]
    assert by_st > by_popularity
    assert (by_limit[None]._state()["ranking"] != [by_popularity, by_st]).any()


def test_rankers_give_the_order_and_raters_the_rating() -> None:
    rankers = {"popularity": POPULARITY, "st": ST}
    model = blend(rankers=rankers).fit(TRAIN, VALID, declared())
    assert not model.scores_are_ratings
    users = np.arange(N_USERS)
    weights = model._state()["ranking"]
    scores = [standardised(model.members[name].score(users)) for name in rankers]
    expected = weights[0] * scores[0] + weights[1] * scores[1]
    assert_allclose(model.score(users), expected, atol=1e-5)
    assert weights[1] > 0
    plain = blend().fit(TRAIN, VALID, declared())
    pairs = users, users % N_ITEMS
    assert_array_equal(model.predict(*pairs), plain.predict(*pairs))


def test_a_member_that_is_both_is_fitted_once(spy: dict[str, Any]) -> None:
    blend(raters={"spy": spy}, rankers={"spy": spy}).fit(TRAIN, VALID, declared())
    assert len(Spy.fits) == 3  # two folds and the whole


def test_a_rater_that_ranks_another_way_is_asked_for_ratings() -> None:
    inner = {
        "_target_": "reelbench.models.blend.Blend",
        "code": ".",
        "features": ["genres"],
        **PARAMETERS,
        "rankers": {"popularity": POPULARITY},
    }
    model = blend(raters={"inner": inner}).fit(TRAIN, VALID, declared())
    users, items = np.repeat(np.arange(N_USERS), N_ITEMS), np.tile(np.arange(N_ITEMS), N_USERS)
    scores = np.clip(model.score(np.arange(N_USERS)).ravel(), 1, 5)
    assert_allclose(scores, model.predict(users, items), atol=1e-4)


def test_a_saved_blend_has_a_folder_per_member(tmp_path: Path) -> None:
    model = blend().fit(TRAIN, VALID, declared())
    model.save(tmp_path / "blend")
    folders = {folder.name for folder in (tmp_path / "blend" / "members").iterdir()}
    assert folders == {"bias", "st"}
    assert isinstance(Recommender.load(tmp_path / "blend" / "members" / "bias"), Bias)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"raters": {}}, "raters"),
        ({"raters": {"bias": {**BIAS, "user_dampin": 1.0}}}, "user_dampin.*did you mean"),
        ({"raters": {"top": POPULARITY}}, "top only ranks"),
        ({"rankers": {"bias": {**BIAS, "user_damping": 9.0}}}, "different parameters"),
        ({"in_folds": {"fm": {"chains": 1}}}, "fm, which is no member"),
        ({"in_folds": {"bias": {"user_dampin": 1.0}}}, "user_dampin.*did you mean"),
        ({"folds": 5}, "5 folds of 0.2 leave nothing"),
    ],
)
def test_wrong_members_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        blend(**changes)


def test_a_block_that_only_a_member_declares_is_named() -> None:
    with pytest.raises(KeyError, match="genres"):
        blend().fit(TRAIN, VALID, Features(IDS))


def test_the_smallest_parts_still_give_an_answer() -> None:
    one = Interactions.from_arrays([0], [0], [4.0])
    two = Interactions.from_arrays([0, 1], [0, 1], [4.0, 2.0])
    for train, valid in ((one, nothing()), (two, nothing()), (one, two)):
        model = blend(rankers={"popularity": POPULARITY}).fit(train, valid, declared())
        assert np.isfinite(model.score(np.arange(N_USERS))).all()
        assert np.isfinite(model.predict([0, 1], [0, 5])).all()


@pytest.mark.parametrize("weights_by_count", [False, True])
def test_a_stack_finds_the_weights_that_made_the_ratings(weights_by_count: bool) -> None:
    rng = np.random.default_rng(4)
    predictions = [rng.normal(3.5, 1.0, 5000) for _ in range(3)]
    user, item = rng.random((2, 5000)) * 5
    true = np.array([[0.2, 0, 0], [0.5, 0, 0], [0.3, 0, 0], [0.4, -0.05, 0.1]])
    if weights_by_count:
        true[:3, 1:] = rng.normal(0, 0.05, (3, 2))
    rating = Stack(true).combine(predictions, user, item)
    found = Stack.learn(predictions, user, item, rating, weights_by_count)
    assert_allclose(found.weights, true, atol=0.01)
    assert_allclose(found.combine(predictions, user, item), rating, atol=0.01)


def test_much_noise_is_penalised() -> None:
    rng = np.random.default_rng(5)
    truth = rng.normal(3.5, 1.0, 60)
    predictions = [truth, *(rng.normal(3.5, 1.0, 60) for _ in range(12))]
    rating = truth + rng.normal(0, 2.0, 60)
    user, item = rng.random((2, 60))
    found = Stack.learn(predictions, user, item, rating, False).weights[:-1, 0]
    free = LinearRegression().fit(np.stack([*predictions, user, item], 1), rating).coef_[:13]
    assert np.linalg.norm(found) < np.linalg.norm(free)


def test_of_too_few_ratings_the_mean_of_the_members() -> None:
    columns = [np.array([1.0, 2.0]), np.array([3.0, 5.0])]
    stack = Stack.learn(columns, np.zeros(2), np.zeros(2), np.array([5.0, 1.0]), False)
    assert_allclose(stack.combine(columns, np.zeros(2), np.zeros(2)), [2.0, 3.5])


def test_counts_are_of_the_given_part_and_0_for_cold_and_unknown() -> None:
    counts = Counts.of(TRAIN, IDS)
    assert_allclose(np.expm1(counts.user[:-1]), np.bincount(TRAIN.user_idx, minlength=N_USERS))
    assert_allclose(np.expm1(counts.item[:-1]), np.bincount(TRAIN.item_idx, minlength=N_ITEMS))
    assert counts.user[-1] == counts.item[-1] == counts.item[N_ITEMS - 1] == 0


def pairs_of(part: Interactions) -> set[tuple[int, int]]:
    return set(zip(part.user_idx.tolist(), part.item_idx.tolist(), strict=True))


def test_random_parts_share_nothing_and_leave_the_rest() -> None:
    parts = list(random_parts(TRAIN, 3, 0.1, np.random.default_rng(0)))
    for rest, out in parts:
        assert len(out) == round(0.1 * len(TRAIN))
        assert not pairs_of(rest) & pairs_of(out)
        assert pairs_of(rest) | pairs_of(out) == pairs_of(TRAIN)
    assert len(set.union(*(pairs_of(out) for _, out in parts))) == 3 * round(0.1 * len(TRAIN))


def test_the_latest_parts_by_hand() -> None:
    """User 0 has five ratings, the last two at one time; of user 1 there is one."""
    times, items = [50, 10, 30, 20, 50, 5], [4, 0, 2, 1, 3, 9]
    train = Interactions.from_arrays([0] * 5 + [1], items, [3] * 6, times)
    parts = latest_parts(train, 2, 0.2, np.random.default_rng(0))
    found = [(sorted(pairs_of(rest)), sorted(pairs_of(out))) for rest, out in parts]
    old = [(0, 0), (0, 1), (0, 2)]
    assert found == [([*old, (0, 3)], [(0, 4), (1, 9)]), (old, [(0, 3)])]


def test_ratings_that_leave_nothing_to_learn_from_are_not_held_out() -> None:
    one = Interactions.from_arrays([0, 1], [0, 1], [4, 2], [3, 4])
    ((rest, out),) = latest_parts(one, 2, 0.1, np.random.default_rng(0))
    assert (len(rest), len(out)) == (2, 0)
    assert np.isfinite(blend(held_out="latest").fit(one, None, declared()).predict([0], [1])).all()


def test_the_latest_are_held_out_where_valid_comes_after_train() -> None:
    train = replace(TRAIN, timestamp=np.arange(len(TRAIN)))
    after = replace(VALID, timestamp=np.full(len(VALID), len(TRAIN)))
    before = replace(after, timestamp=np.zeros(len(VALID), np.int64))
    assert comes_after(after, train)
    assert not comes_after(before, train)
    assert not comes_after(VALID, TRAIN)  # without times
    assert not comes_after(nothing(), train)
    rankers = {"rankers": {"popularity": POPULARITY, "st": ST}}
    weights = [
        blend(held_out=kind, **rankers).fit(train, valid, declared())._stack.weights
        for kind, valid in (("latest", before), (None, after), (None, before))
    ]
    assert_array_equal(weights[0], weights[1])
    assert (weights[1] != weights[2]).any()


def test_a_sample_has_all_ratings_of_its_users() -> None:
    assert some_users(TRAIN, len(TRAIN), np.random.default_rng(0)) is TRAIN
    sample = some_users(TRAIN, len(TRAIN) // 2, np.random.default_rng(0))
    users = np.unique(sample.user_idx)
    assert len(sample) == np.isin(TRAIN.user_idx, users).sum()
    assert abs(len(sample) / len(TRAIN) - 0.5) < 0.1


def test_members_of_the_preset_have_the_parameters_of_their_rows() -> None:
    """As `conf/models/NAME.yaml` has them, whether written out or by default."""
    entries = preset("models", "blend")["models"]["blend"]
    for name, entry in {**entries["raters"], **entries["rankers"]}.items():
        row = ModelEntry.model_validate(preset("models", name)["models"][name])
        member = ModelEntry.model_validate(entry)
        assert member.model_class is row.model_class
        assert member.features == row.features
        assert member.check(name, Path()) == row.check(name, Path())


def test_blend_is_configured_like_any_model() -> None:
    assert issubclass(Blend.Config, Section)
    assert blend().config.members.keys() == {"bias", "st"}
