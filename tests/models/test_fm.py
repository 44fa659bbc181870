from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from contracts import IDS, N_ITEMS, N_USERS, TRAIN, VALID, RecommenderContract, blocks, nothing
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.fm import FM
from reelbench.models.fm.design import FMConfig, Side, item_side, periods, user_side
from reelbench.models.fm.posterior import PosteriorMean, SideSample, low_rank
from reelbench.models.fm.recommender import Sampler, load_myfm
from reelbench.seeds import seed_for

PARAMETERS: dict[str, Any] = {
    "rank": 4,
    "chains": 2,
    "iterations": 40,
    "burn_in": 15,
    "init_std": 0.1,
    "items_of_user": True,
    "users_of_item": True,
    "count_bins": False,
    "period_years": 4,
    "components": {},
    "tolerance": 0.001,
}


def declared(*names: str) -> Features:
    everything = blocks()
    everything["years"]["moments"] = np.array([1995.0, 20.0])
    return Features(IDS, {name: everything[name] for name in names})


def config(**changes: object) -> FMConfig:
    return FMConfig.model_validate({**PARAMETERS, **changes})


class TestFM(RecommenderContract):
    model_class = FM
    fold_in = "close"
    parameters = PARAMETERS
    features = ("genres", "years")


class TestFMOfSparseBlocksAndComponents(RecommenderContract):
    model_class = FM
    fold_in = "close"
    parameters = {**PARAMETERS, "components": {"text": 3}, "count_bins": True}  # noqa: RUF012
    features = ("tags", "text")


class TestFMOfIdsAlone(RecommenderContract):
    model_class = FM
    fold_in = "close"
    parameters = {**PARAMETERS, "items_of_user": False, "users_of_item": False}  # noqa: RUF012


def test_the_mean_of_the_samples_is_that_of_the_library() -> None:
    """Same chains twice: all samples kept by myfm, and none kept here."""
    features, settings = declared("genres"), config(burn_in=3, tolerance=0.0, count_bins=True)
    users, items = user_side(TRAIN, features, settings), item_side(TRAIN, features, settings)
    sampler = Sampler(TRAIN, nothing(), settings.tolerance)
    sampler.run(users, items, settings, seed=5)
    pairs = np.array([0, 3, 7, 11]), np.array([2, 2, 5, 9])
    user_factors, item_factors = sampler.mean.factors()
    taste = (user_factors[pairs[0]] * item_factors[pairs[1]]).sum(axis=1)
    found = sampler.mean.user_bias[pairs[0]] + sampler.mean.item_bias[pairs[1]] + taste
    chains = [seed_for(5, "chain", str(chain)) for chain in range(2)]
    expected = [predicted_by_myfm(users, items, pairs, seed) for seed in chains]
    assert np.abs(expected[0] - expected[1]).max() > 1e-3
    assert_allclose(found, np.mean(expected, axis=0), rtol=1e-9)


def test_machines_of_several_designs_are_averaged_sample_by_sample() -> None:
    features = declared("genres", "text")
    alone = {"chains": 1, "iterations": 30, "burn_in": 10, "tolerance": 0.0}
    first = {"blocks": ["genres"], **alone}
    other = {"blocks": ["text"], "components": {"text": 3}, "rank": 2, "iterations": 50}
    machines = FM(seed=3, **{**PARAMETERS, **first, "others": [other]}).fit(TRAIN, None, features)
    pairs = np.array([0, 3, 7, 11, N_USERS]), np.array([2, 2, 5, 9, 0])
    found = [
        FM(seed=seed, **{**PARAMETERS, **changes}).fit(TRAIN, None, features)._predict(*pairs)
        for seed, changes in ((3, first), (seed_for(3, "machine", "1"), {**first, **other}))
    ]
    assert np.abs(found[0] - found[1]).max() > 1e-2
    # 20 samples of the one, 40 of the other
    assert_allclose(machines._predict(*pairs), (found[0] + 2 * found[1]) / 3, rtol=1e-4)


def test_a_machine_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="burn_in"):
        config(others=[{"iterations": 5}])
    with pytest.raises(ValueError, match="has no others"):
        config(others=[{"others": [{"rank": 2}]}])
    with pytest.raises(KeyError, match="text"):
        FM(**{**PARAMETERS, "blocks": ["text"]}).fit(TRAIN, None, declared("genres"))


def predicted_by_myfm(
    users: Side, items: Side, pairs: tuple[np.ndarray, np.ndarray], seed: int
) -> np.ndarray:
    """Mean of the last 37 of 40 samples, as the library's own `predict` makes it."""
    myfm = load_myfm()
    centre = float(TRAIN.rating.mean(dtype=np.float64))
    rows = [(users, TRAIN.user_idx), (items, TRAIN.item_idx)]
    machine = myfm.MyFMRegressor(4, init_stdev=0.1, random_seed=seed).fit(
        None,
        TRAIN.rating.astype(np.float64) - centre,
        X_rel=[myfm.RelationBlock(np.searchsorted(s.warm, i), s.learned) for s, i in rows],
        n_iter=40,
        n_kept_samples=37,
        group_shapes=[*users.groups, *items.groups],
    )
    asked = [
        myfm.RelationBlock(index, sparse.hstack([side.own, side.known], format="csr"))
        for side, index in zip((users, items), pairs, strict=True)
    ]
    return np.asarray(machine.predict(None, asked)) + centre


def test_rows_hold_ids_feedback_and_features() -> None:
    train = Interactions.from_arrays([0, 0, 2, 2, 2], [0, 1, 0, 3, 4], [5, 1, 4, 4, 2])
    side = user_side(train, declared("genres"), config())
    assert side.warm.tolist() == [0, 2]
    assert side.groups == [2, 4]  # the two users; items 0, 1, 3, 4
    half, third = 2**-0.5, 3**-0.5
    rows = side.own.toarray()
    assert_allclose(rows[0], [1, 0, half, half, 0, 0])
    assert_allclose(rows[2], [0, 1, third, 0, third, third])
    assert not rows[[1, N_USERS]].any()
    assert side.known.shape == (N_USERS + 1, 0)
    assert_array_equal(side.learned.toarray(), rows[[0, 2]])


def test_columns_over_users_are_read() -> None:
    side = user_side(TRAIN, declared("demographics"), config(items_of_user=False))
    user = blocks()["demographics"]
    assert side.groups == [N_USERS - 2, 4]
    expected = np.hstack([user["user_age"], user["user_occupation"]])
    assert_allclose(side.known.toarray()[:-1], expected, rtol=1e-6)
    model = FM(seed=1, **PARAMETERS).fit(TRAIN, VALID, declared("demographics"))
    assert np.isfinite(model.score(np.arange(N_USERS))).all()


def test_a_count_leaves_the_rating_itself_out_in_training_alone() -> None:
    train = Interactions.from_arrays([0, 1, 2, 3, 0], [0, 0, 0, 0, 1], [5, 4, 3, 4, 5])
    settings = config(count_bins=True, users_of_item=False)
    side = item_side(train, Features(IDS), settings)
    assert side.groups == [2, 2]  # items 0 and 1; no other ratings, and 2 to 3
    assert_array_equal(side.learned.toarray()[:, 2:], [[0, 1], [1, 0]])
    # four ratings are as near as it gets to 2 to 3; of 1, which lies between two bins, the lower
    assert_array_equal(side.known.toarray()[:3], [[0, 1], [1, 0], [1, 0]])
    assert_array_equal(side.known.toarray()[-1], [1, 0])


def test_periods_are_those_of_items_in_train() -> None:
    moments = np.array([2000.0, 10.0])
    years = np.array([1991, 1992, 1995, 2003, 1980, 1991])
    block = {
        "year": ((years - 2000) / 10).astype(np.float32)[:, None],
        "known": np.array([1, 1, 1, 1, 1, 0], np.float32)[:, None],
        "moments": moments,
    }
    warm = np.array([True, True, True, True, False, True])
    expected = [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert_array_equal(periods(block, warm, 4), expected)


def test_a_side_sample_is_rendles_sum_over_pairs() -> None:
    rng = np.random.default_rng(0)
    side = user_side(TRAIN, declared("demographics"), config())
    n_columns = sum(side.groups)
    weights, vectors = rng.normal(size=n_columns), rng.normal(size=(n_columns, 3))
    sample = SideSample(side, weights, vectors)
    rows = np.hstack([side.own.toarray(), side.known.toarray()])
    for user in side.warm:
        x = rows[user]
        products = np.triu(np.outer(x, x) * (vectors @ vectors.T), 1)
        assert_allclose(sample.bias[user], weights @ x + products.sum())
        assert_allclose(sample.factors[user], vectors.T @ x)


def test_a_cold_user_is_the_mean_of_the_warm_ones() -> None:
    rng = np.random.default_rng(1)
    side = user_side(TRAIN, Features(IDS), config())
    n_columns = sum(side.groups)
    sample = SideSample(side, rng.normal(size=n_columns), rng.normal(size=(n_columns, 3)))
    for values in (sample.bias, sample.factors):
        mean = np.broadcast_to(values[:-3].mean(axis=0), values[-3:].shape)
        assert_allclose(values[-3:], mean)


@pytest.mark.parametrize(("n", "m"), [(9, 30), (30, 9), (50, 60)])
def test_low_rank_keeps_the_product(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    left, right = rng.normal(size=(n, 20)), rng.normal(size=(m, 20))
    a, b = low_rank(left, right, 0.0)
    assert a.shape[1] == b.shape[1] <= min(n, m, 20)
    assert_allclose(a @ b.T, left @ right.T, atol=1e-9)
    narrow, right_narrow = low_rank(left, right, 2.0)
    change = np.sqrt(np.mean((narrow @ right_narrow.T - left @ right.T) ** 2))
    assert narrow.shape[1] < a.shape[1]
    assert 0 < change <= 2.0
    values = np.linalg.svd(left @ right.T, compute_uv=False)
    one_less = np.linalg.norm(values[narrow.shape[1] - 1 :]) / np.sqrt(n * m)
    assert one_less > 2.0  # no narrower one would do


def test_compression_on_the_way_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    side = user_side(TRAIN, declared("genres"), config())
    n_columns = sum(side.groups)
    mean, products = PosteriorMean(0.0), []
    for _ in range(70):  # 70 · 6 columns: gathered and compressed more than once
        samples = [
            SideSample(side, rng.normal(size=n_columns), rng.normal(size=(n_columns, 6)))
            for _ in range(2)
        ]
        mean.add(*samples)
        products.append(samples[0].factors @ samples[1].factors.T)
    users, items = mean.factors()
    assert users.shape[1] <= N_USERS + 1
    assert_allclose(users @ items.T, np.mean(products, axis=0), atol=1e-9)


def test_a_machine_without_a_sample_left_is_refused() -> None:
    with pytest.raises(ValueError, match="burn_in"):
        config(burn_in=40)


def test_myfm_is_imported_where_setuptools_has_no_pkg_resources(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [n for n in sys.modules if n == "myfm" or n.startswith("myfm.")]:
        if not name.startswith("myfm._myfm"):  # a compiled module is loaded once
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "pkg_resources", raising=False)
    assert isinstance(load_myfm(), ModuleType)
    assert hasattr(load_myfm(), "MyFMRegressor")


def test_history_is_of_the_mean_over_all_chains() -> None:
    model = FM(seed=1, **PARAMETERS).fit(TRAIN, VALID, declared("genres"))
    assert len(model.history) == 80
    unclipped = model._predict(VALID.user_idx, VALID.item_idx)
    error = np.sqrt(np.mean((unclipped - VALID.rating) ** 2))
    assert_allclose(model.history[-1]["valid_loss"], error, rtol=1e-3)
    again = FM(seed=1, **PARAMETERS).fit(TRAIN, nothing(), declared("genres"))
    assert set(again.history[0]) == {"epoch", "train_loss"}
    assert_array_equal(again.score([0, 1]), model.score([0, 1]))  # valid is only watched


def test_of_many_ratings_fewer_chains_run() -> None:
    steps = len(TRAIN) * 40
    for most, chains in ((2 * steps, 2), (2 * steps - 1, 1), (1, 1)):
        parameters = {**PARAMETERS, "max_steps": most}
        model = FM(seed=1, **parameters).fit(TRAIN, nothing(), declared("genres"))
        assert len(model.history) == 40 * chains


def test_an_item_is_warm_if_it_has_a_train_row() -> None:
    assert item_side(TRAIN, Features(IDS), config()).warm.tolist() == list(range(N_ITEMS - 2))
