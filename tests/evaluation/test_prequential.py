"""Test ratings are predicted from what came strictly before, and nothing later is read."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelbench import load_dataset, split
from reelbench.data.interactions import Ids, Interactions, Parts
from reelbench.evaluation import EvaluateConfig, prequential
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.evaluate import Evaluation, evaluate
from reelbench.evaluation.ranking_metrics import ndcg
from reelbench.faults import Fault
from reelbench.features.block import Features
from reelbench.models import EASE, KNN, SVD, Bias
from reelbench.models.base import NewUser, Recommender
from reelbench.models.popularity import GlobalMean, Popularity
from reelbench.params import ParamsError

N_USERS, N_ITEMS, N_ROWS = 9, 15, 90
IDS = Ids(N_USERS, N_ITEMS, 1.0, 5.0)
CONFIG = EvaluateConfig(k=(3,), bootstrap_samples=20)


def stream(seed: int = 0, n_times: int = 40) -> Interactions:
    """Ratings in the order of time, many in the same second; some users and movies come late."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(N_USERS * N_ITEMS)[:N_ROWS]
    users, items = np.divmod(pairs, N_ITEMS)
    times = np.sort(rng.integers(0, n_times, N_ROWS)) + (users == 0) * 20
    order = np.lexsort((items, users, times))
    ratings = rng.integers(1, 6, N_ROWS)
    columns = (users[order], items[order], ratings[order], times[order])
    return Interactions.from_arrays(*columns)


def parts_of(rows: Interactions, *moments: int, valid_from: int = 15, test_from: int = 22) -> Parts:
    time, by_user = rows.timestamp, np.lexsort((rows.item_idx, rows.timestamp, rows.user_idx))
    rows, time = rows.select(by_user), time[by_user]
    of_parts = time < valid_from, (time >= valid_from) & (time < test_from), time >= test_from
    return Parts(*map(rows.select, of_parts), moments=moments)


def run(model: Recommender, parts: Parts, **config: Any) -> Evaluation:
    model.fit(parts.train, parts.valid, Features(IDS))
    changed = CONFIG.model_copy(update=config)
    return evaluate(model, parts, changed, Movies.unknown(N_ITEMS), features=Features(IDS))


def predictions(model: Recommender, parts: Parts) -> dict[tuple[int, int], float]:
    found = run(model, parts).predictions
    keys = zip(found["user_idx"].tolist(), found["item_idx"].tolist(), strict=True)
    return dict(zip(keys, found["score"].tolist(), strict=True))


# -- against a loop that anybody can check


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("moments", [(), (28, 35)])
def test_predictions_are_those_of_a_naive_loop(
    seed: int, moments: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prequential, "_DAMPINGS", (4.0,))
    everything = stream(seed)
    parts = parts_of(everything, *moments)
    found = predictions(Bias(), parts)
    rows = [(*row,) for row in zip(*(c.tolist() for c in everything.columns()), strict=True)]
    for user, item, _, time in rows:
        if (user, item) not in found:
            continue
        since = max([m for m in moments if m <= time], default=15)
        learned = {}
        model = Bias().fit(everything.select(everything.timestamp < since), None, Features(IDS))
        sums: dict[Any, list[float]] = {}

        def offset(key: Any, sums: dict[Any, list[float]] = sums) -> float:
            return sum(sums.get(key, [])) / (len(sums.get(key, [])) + 4.0)

        for u, i, rating, t in [*rows, (user, item, 0.0, time)]:
            past = [(x, r) for v, x, r, s in rows if v == u and s < t]
            new = [s for v, _, _, s in rows if v == u and since <= s < t]
            if t < since or (t >= time and rating):
                continue
            asked = model.fold_in(*zip(*past, strict=True)) if new else model
            learned[u, i] = asked.predict([-1 if new else u], [i])[0]
            if rating:
                error, by_user, by_item = rating - learned[u, i], offset(u), offset(-1 - i)
                sums.setdefault(u, []).append(error - by_item)
                sums.setdefault(-1 - i, []).append(error - by_user)
        expected = np.clip(learned[user, item] + offset(user) + offset(-1 - item), 1, 5)
        assert found[user, item] == pytest.approx(expected, abs=1e-5)


def test_a_list_is_made_for_each_second_of_a_user_and_the_mean_is_reported() -> None:
    everything = stream()
    parts = parts_of(everything)
    result = run(Popularity(), parts)
    counts = np.bincount(parts.train.item_idx, minlength=N_ITEMS).astype(float)
    test, n_lists = parts.test, 0
    for place, user in enumerate(np.unique(test.user_idx)):
        values = []
        for time in np.unique(test.timestamp[test.user_idx == user]):
            of_user = everything.select(everything.user_idx == user)
            scores = counts.copy()
            scores[of_user.item_idx[of_user.timestamp < time]] = -np.inf
            best = np.argsort(-scores, kind="stable")[:3]
            wanted = of_user.item_idx[of_user.timestamp == time]
            values.append(ndcg(np.isin(best, wanted)[None], np.array([len(wanted)]), 3)[0])
        n_lists += len(values)
        assert result.per_user["ndcg_at_3"][place] == pytest.approx(np.mean(values))
        shown = result.recommendations["item_idx"][result.recommendations["user_idx"] == user]
        assert shown.tolist() == best[np.isfinite(scores[best])].tolist()  # the last list
    assert n_lists > len(np.unique(test.user_idx))


def test_without_updates_it_is_the_evaluation_of_a_split_by_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prequential, "_DAMPINGS", (np.inf,))
    parts = parts_of(stream())
    plain = Parts(parts.train, parts.valid, parts.test)
    after, before = run(GlobalMean(), parts), run(GlobalMean(), plain)
    assert np.array_equal(after.predictions["score"], before.predictions["score"])
    for key in ("rmse", "mae", "r2", "n_test", "n_test_users"):
        assert after.metrics[key] == before.metrics[key]


def test_offsets_help_where_users_differ() -> None:
    rows = stream(1, 60)
    rows.rating[:] = np.where(rows.user_idx % 2, 5, 2)
    parts = parts_of(rows)
    plain = run(GlobalMean(), Parts(parts.train, parts.valid, parts.test))
    assert run(GlobalMean(), parts).metrics["rmse"] < 0.8 * plain.metrics["rmse"]


def test_cold_is_what_nothing_was_known_of_before() -> None:
    rows = stream()
    parts = parts_of(rows)
    found = run(Bias(), parts).predictions
    for place in range(len(parts.test)):
        before = rows.timestamp < parts.test.timestamp[place]
        for name in ("user", "item"):
            index = getattr(parts.test, f"{name}_idx")[place]
            known = (getattr(rows, f"{name}_idx")[before] == index).any()
            assert found[f"cold_{name}"][place] == (not known)
    assert found["cold_user"].any()
    assert found["cold_item"].any()
    metrics = run(Bias(), parts).metrics["cohorts"]
    assert metrics["cold_users"]["ratings"] == found["cold_user"].sum()


def test_a_sample_of_users_has_the_predictions_of_all() -> None:
    parts = parts_of(stream(), 30)
    every = predictions(Bias(), parts)
    result = run(Bias(), parts, users=3)
    assert result.metrics["n_test_users"] == 3
    some = result.predictions
    for user, item, score in zip(
        some["user_idx"].tolist(), some["item_idx"].tolist(), some["score"], strict=True
    ):
        assert score == every[user, item]


def test_faults_that_change_the_test_rows_are_refused() -> None:
    parts = parts_of(stream())
    model = Bias().fit(parts.train, parts.valid, Features(IDS))
    with pytest.raises(ParamsError, match="prequential has no score_train_rows"):
        evaluate(model, parts, CONFIG, faults=[Fault.SCORE_TRAIN_ROWS])


def test_a_split_says_when_models_are_trained_again() -> None:
    rows = stream()
    columns = ("user_id", "item_id", "rating", "timestamp")
    table = pd.DataFrame(dict(zip(columns, rows.columns(), strict=True)))
    data = load_dataset(ratings=table)
    parts = split(data, "prequential", test=0.3, valid=0.2, retrain=2)
    assert len(parts.moments or ()) == 2
    assert min(parts.moments or ()) > parts.test.timestamp.min()
    model = Bias().fit(parts.train, parts.valid)
    result = evaluate(model, parts, CONFIG)
    assert result.metrics["n_test"] == len(parts.test)
    assert (
        result.metrics["rmse"]
        != evaluate(model, split(data, "temporal_global", test=0.3, valid=0.2), CONFIG).metrics[
            "rmse"
        ]
    )


# -- nothing later is read


class Spy(GlobalMean):
    """Writes down what it is told and asked; every movie belongs to one user."""

    told: list[Interactions]
    asked: list[tuple[list[int] | None, int]]
    _past: list[int] | None = None

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        super()._fit(train, valid, features)
        Spy.told.append(train)

    def _fold_in(self, user: NewUser) -> Self:
        return self._copy(_past=user.items.tolist())

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        Spy.asked += [(self._past, item) for item in item_idx.tolist()]
        return super()._predict(user_idx, item_idx)

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return np.full((len(user_idx), self.ids.n_items), 3.0)


@settings(max_examples=25)
@given(times=st.lists(st.integers(0, 20), min_size=20, max_size=60), data=st.data())
def test_a_model_is_told_all_that_came_before_and_nothing_else(times: list[int], data: Any) -> None:
    time = np.sort([0, *times, 20, 20])
    user = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(time), max_size=len(time))))
    rows = Interactions.from_arrays(user, np.arange(len(time)), np.full(len(time), 3), time)
    ids = Ids(4, len(time), 1.0, 5.0)
    parts = parts_of(rows, 12, 16, valid_from=5, test_from=9)
    Spy.told, Spy.asked = [], []
    model = Spy().fit(parts.train, parts.valid, Features(ids))
    evaluate(model, parts, CONFIG)
    starts = [5, *(m for m in (12, 16))]
    assert [len(of) for of in Spy.told] == [(time < start).sum() for start in starts]
    assert all(of.timestamp.max() < start for of, start in zip(Spy.told, starts, strict=True))
    assert sorted(item for _, item in Spy.asked) == np.flatnonzero(time >= 5).tolist()
    for past, item in Spy.asked:
        before = np.flatnonzero((user == user[item]) & (time < time[item]))
        start = max(s for s in starts if s <= time[item])
        if past is None:  # all is known to the model itself
            assert (time[before] < start).all()
        else:
            assert past == before.tolist()
            assert (time[before] >= start).any()  # who is known as well without is not folded in


@pytest.mark.parametrize("model", [Bias, KNN, SVD, EASE])
@pytest.mark.parametrize("tamper", ["rate", "deal", "delete"])
def test_later_ratings_change_no_byte_of_earlier_answers(
    model: type[Recommender], tamper: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists: list[bytes] = []
    rank = prequential.rank_scores

    def watched(scores: np.ndarray, *more: Any, **named: Any) -> Any:
        lists.append(scores.tobytes())
        return rank(scores, *more, **named)

    monkeypatch.setattr(prequential, "rank_scores", watched)
    rows, until = stream(), 32
    honest = run(model(), parts_of(rows, 27, 38)).predictions
    first, lists = lists, []
    later = rows.timestamp > until
    if tamper == "rate":
        rows.rating[later] = 6 - rows.rating[later]
    elif tamper == "deal":
        shuffled = np.random.default_rng(1).permutation(np.flatnonzero(later))
        for column in (rows.user_idx, rows.item_idx):
            column[later] = column[shuffled]
        rows.timestamp[later] = until + 1
    else:
        rows = rows.select(~later)
    after = run(model(), parts_of(rows, 27, 38)).predictions
    early = [
        (u, i)
        for u, i, t in zip(rows.user_idx, rows.item_idx, rows.timestamp, strict=True)
        if 22 <= t <= until
    ]
    found = [
        {
            (u, i): None if found["score"] is None else found["score"][n].tobytes()
            for n, (u, i) in enumerate(zip(found["user_idx"], found["item_idx"], strict=True))
        }
        for found in (honest, after)
    ]
    assert len(early) > 20
    assert {pair: found[0][pair] for pair in early} == {pair: found[1][pair] for pair in early}
    n_lists = len({(u, t) for u, _, _, t in zip(*rows.columns(), strict=True) if 22 <= t <= until})
    assert first[:n_lists] == lists[:n_lists]
    if tamper != "delete" and model is not EASE:  # or the comparison could never fail
        assert found[0] != found[1]
