"""Models that rank reach their figures on MovieLens 100K: test part of the default split.

`slim` and `edlae` have the parameters of conf/ and the figures of the leaderboard. The others have
fewer epochs, and smaller layers, than in conf/, so that the test takes seconds: `popularity`, which
they would equal had they learned nothing about users, has 0.0716.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelbench import params, paths
from reelbench.compose import compose
from reelbench.data.interactions import Interactions
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.evaluate import Parts, evaluate
from reelbench.features.block import Features, Ids
from reelbench.files import read_json
from reelbench.models.base import ModelEntry
from reelbench.seeds import seed_for
from reelbench.stages import clean, split

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MODELS = ("slim", "edlae", "mult_vae", "lightgcn", "sasrec")


@pytest.fixture(scope="module")
def parts(ml_100k: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("rankers")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        compose(folder / paths.PARAMS, [f"models=[{','.join(MODELS)}]"])
        patch.chdir(folder)
        paths.DATA.mkdir()
        paths.RAW.symlink_to(ml_100k, target_is_directory=True)
        clean.run()
        split.run()
        yield Parts(*map(Interactions.from_parquet, (paths.TRAIN, paths.VALID, paths.TEST)))


@pytest.mark.parametrize(
    ("name", "shorter", "figure", "spread"),
    [
        ("slim", {}, 0.1102, 0.0005),
        ("edlae", {}, 0.1075, 0.0005),
        ("mult_vae", {"epochs": 15}, 0.0860, 0.005),
        ("lightgcn", {"epochs": 30}, 0.0799, 0.005),
        ("sasrec", {"epochs": 3, "blocks": 1, "factors": 32}, 0.1002, 0.01),
    ],
)
def test_ndcg_is_the_measured_one(
    parts: Parts, name: str, shorter: dict[str, Any], figure: float, spread: float
) -> None:
    size = read_json(paths.CATALOGUE)
    ids = Ids(size["n_users"], size["n_items"], size["rating_min"], size["rating_max"])
    entry = params.load(f"models.{name}", ModelEntry).model_copy(update=shorter)
    model = entry.create(name, seed=seed_for(42, "train", name), threads=2)
    model.fit(parts.train, parts.valid, Features(ids))
    config = params.load("evaluate", EvaluateConfig).model_copy(update={"bootstrap_samples": 1})
    assert evaluate(model, parts, config).metrics["ndcg_at_10"] == pytest.approx(figure, abs=spread)
