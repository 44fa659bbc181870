"""Predicted ratings with intervals, and similarities whose weights are chosen on valid."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reelbench.data.interactions import Ids, Interactions
from reelbench.features.block import Features
from reelbench.models.bias import Bias
from reelbench.serving.similarity import Mixed
from reelbench.serving.stars import LEVEL, Stars, half_widths

IDS = Ids(300, 60, 1.0, 5.0)


@pytest.fixture(scope="module")
def parts() -> list[Interactions]:
    """Train, valid and test of ratings that are biases and noise."""
    rng = np.random.default_rng(0)
    users, items = np.divmod(rng.permutation(300 * 60)[:9000], 60)
    bias = rng.normal(0, 0.5, 300)[users] + rng.normal(0, 0.5, 60)[items]
    rating = np.clip(3 + bias + rng.normal(0, 0.6, 9000), 1, 5)
    rows = Interactions.from_arrays(users, items, rating)
    part = rng.choice(3, 9000, p=[0.6, 0.2, 0.2])
    return [rows.select(part == number) for number in range(3)]


def test_intervals_hold_their_share_of_new_ratings(parts: list[Interactions]) -> None:
    train, valid, test = parts
    model = Bias(seed=1).fit(train, valid)
    widths = half_widths(model, train, valid, np.random.default_rng(1))
    assert set(widths) == {1, 5, 20} and widths[1] > widths[20]  # nobody has 80
    stars = Stars("bias", model, widths)
    for known in (1, 5, 20):
        inside = []
        for user in np.unique(test.user_idx):
            own, asked = train.user_idx == user, test.user_idx == user
            if own.sum() >= known:
                items, ratings = train.item_idx[own][:known], train.rating[own][:known]
                found = stars.predict(test.item_idx[asked], items, ratings.astype(float))
                for rating, (mean, low, high) in zip(test.rating[asked], found, strict=True):
                    assert 1 <= low <= mean <= high <= 5
                    inside.append(low <= rating <= high)
        # the standard error of a share of more than a thousand ratings is about 0.012
        assert abs(np.mean(inside) - LEVEL) < 0.05, known


def test_no_interval_without_enough_ratings(parts: list[Interactions]) -> None:
    train, valid, _ = parts
    model = Bias(seed=1).fit(train, valid)
    few = valid.select(np.arange(len(valid)) < 2)
    assert half_widths(model, train, few, np.random.default_rng(1)) == {}


def test_the_weight_goes_to_the_source_that_foretells_what_is_liked() -> None:
    rng = np.random.default_rng(2)
    groups = np.arange(60) % 6
    users = np.repeat(np.arange(300), 20)
    items = np.concatenate([rng.permutation(60)[:20] for _ in range(300)])
    rating = np.where(groups[items] == users % 6, 5.0, 2.0)
    rows = Interactions.from_arrays(users, items, rating)
    first = rng.random(len(users)) < 0.5
    noise = rng.random((60, 60))
    sources = {
        "noise": lambda item: noise[item],
        "group": lambda item: (groups == groups[item]).astype(float),
    }
    mixed = Mixed.of(sources, rows.select(first), rows.select(~first), IDS)
    # 4 is the largest weight that is tried, 1 that of a source that changes nothing any more
    assert mixed.weights["group"] >= 4 / 5 - 1e-9 and sum(mixed.weights.values()) == pytest.approx(
        1
    )
    near = np.argsort(-mixed.similarity(7), kind="stable")[:9]
    assert set(groups[near]) == {groups[7]} and 7 not in near


def test_a_movie_that_nobody_likes_is_below_the_floor() -> None:
    users, items = np.divmod(np.arange(300), 10)
    rating = np.where(items == 3, 1.0, 4.0) + (users % 2) * 0.5
    rows = Interactions.from_arrays(users, items, rating)
    everything = {"same": lambda item: np.ones(60)}
    none = Interactions.empty()
    found = Mixed.of(everything, rows, none, IDS).similarity(0)
    assert found[3] == 0 and found[[1, 2, 59]].min() > 0 and found[0] == 0


def test_a_model_that_asks_others_is_used_only_where_it_is_much_better(
    parts: list[Interactions],
) -> None:
    train, valid, _ = parts

    def chosen(damping: float) -> str:
        """Of a damped model, and one without damping that would have to ask its members."""
        alone, asking = (
            Bias(seed=1, item_damping=d, user_damping=d).fit(train, valid, Features(IDS))
            for d in (damping, 0.0)
        )
        vars(asking)["members"] = {}
        known = {"alone": alone, "asking": asking}
        read = known.__getitem__
        models: Any = SimpleNamespace(ids=IDS, raters=list(known), read=read, get=read)
        found = Stars.of(models, train, valid)
        assert found is not None and found.model is known[found.name]
        return found.name

    assert chosen(damping=3.0) == "alone"
    assert chosen(damping=1000.0) == "asking"
