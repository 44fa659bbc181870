"""The gate on MovieLens 100K itself: another seed passes, a model made 3 % worse does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reelbench import params, paths
from reelbench.compose import compose
from reelbench.data.interactions import Interactions
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.evaluate import Parts, evaluate
from reelbench.features.block import Features, Ids
from reelbench.files import read_json
from reelbench.gate import GateConfig, ModelResults, compare
from reelbench.models.base import ModelEntry, Recommender
from reelbench.stages import clean, split

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@dataclass
class Setting:
    """What models are trained and evaluated with."""

    ids: Ids
    parts: Parts
    config: EvaluateConfig
    gate: GateConfig

    def trained(self, seed: int) -> Recommender:
        entry = params.load("models.svd", ModelEntry)
        model = entry.create("svd", seed=seed, threads=2)
        return model.fit(self.parts.train, self.parts.valid, Features(self.ids))

    def results(self, model: Recommender) -> dict[str, ModelResults]:
        movies = Movies({}, np.full(self.ids.n_items, np.nan), {})
        found = evaluate(model, self.parts, self.config, movies, seed=42)
        return {"svd": ModelResults(found.metrics, {}, pd.DataFrame(found.per_user))}


class Worse:
    """A model whose predictions have noise on them."""

    def __init__(self, model: Recommender, noise: float) -> None:
        self.ids, self.predicts_ratings, self.threads = model.ids, True, model.threads
        self.score, self._predict, self._noise = model.score, model.predict, noise

    def predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(0).normal(0, self._noise, len(user_idx))
        return (self._predict(user_idx, item_idx) + noise).astype(np.float32)


@pytest.fixture(scope="module")
def setting(ml_100k: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    folder = tmp_path_factory.mktemp("gate")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        compose(folder / paths.PARAMS)
        patch.chdir(folder)
        paths.DATA.mkdir()
        paths.RAW.symlink_to(ml_100k, target_is_directory=True)
        clean.run()
        split.run()
        size = read_json(paths.CATALOGUE)
        yield Setting(
            Ids(size["n_users"], size["n_items"], size["rating_min"], size["rating_max"]),
            Parts(*map(Interactions.from_parquet, (paths.TRAIN, paths.VALID, paths.TEST))),
            params.load("evaluate", EvaluateConfig),
            params.load("gate", GateConfig),
        )


@pytest.fixture(scope="module")
def base(setting: Setting) -> tuple[Recommender, dict[str, ModelResults]]:
    model = setting.trained(seed=1)
    return model, setting.results(model)


@pytest.mark.parametrize("seed", [2, 3])
def test_a_rerun_with_another_seed_passes(
    setting: Setting, base: tuple[Recommender, dict[str, ModelResults]], seed: int
) -> None:
    rows = compare(base[1], setting.results(setting.trained(seed)), setting.gate, seed=42)
    assert {row.key for row in rows} >= {"rmse", "ndcg_at_10"}
    assert not [row for row in rows if row.failure]


def test_three_percent_worse_is_stopped(
    setting: Setting, base: tuple[Recommender, dict[str, ModelResults]]
) -> None:
    model, results = base
    # mean squared error plus that of the noise; clipping is not undone, so a little is added
    noise = results["svd"].metrics["rmse"] * (1.03**2 - 1) ** 0.5
    worse = setting.results(Worse(model, noise))  # type: ignore[arg-type]
    rows = {row.key: row for row in compare(results, worse, setting.gate, seed=42)}
    assert rows["rmse"].change == pytest.approx(0.03, abs=0.005)
    assert "more than the 1.0% allowed" in rows["rmse"].failure
