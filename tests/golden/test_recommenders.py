"""Our numbers against published ones, to the last printed digit, on MovieLens 100K itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from reelbench import params, paths
from reelbench.compose import compose
from reelbench.data.interactions import Interactions
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.evaluate import Evaluation, Parts, evaluate
from reelbench.features.block import Features, Ids
from reelbench.files import read_json
from reelbench.models.base import ModelEntry
from reelbench.reporting.results import published
from reelbench.seeds import seed_for
from reelbench.stages import clean, split

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EXPERIMENT = "recommenders_ml100k"


@pytest.fixture(scope="module")
def project(ml_100k: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The data of the experiment, divided by the pipeline's own stages."""
    folder = tmp_path_factory.mktemp("golden")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        content = compose(folder / paths.PARAMS, [f"+experiment={EXPERIMENT}"])
        patch.chdir(folder)
        paths.DATA.mkdir()
        paths.RAW.symlink_to(ml_100k, target_is_directory=True)
        clean.run()
        split.run()
        yield content


def evaluation_of(name: str) -> Evaluation:
    """A model of the experiment."""
    entry = params.load(f"models.{name}", ModelEntry)
    seed = seed_for(42, "models", name) if entry.seed is None else entry.seed
    size = read_json(paths.CATALOGUE)
    ids = Ids(size["n_users"], size["n_items"], size["rating_min"], size["rating_max"])
    parts = Parts(*map(Interactions.from_parquet, (paths.TRAIN, paths.VALID, paths.TEST)))
    model = entry.create(name, seed=seed, threads=1)
    model.fit(parts.train, parts.valid, Features(ids))
    movies = Movies.of(pq.read_table(paths.ITEMS).to_pandas(), {})
    return evaluate(model, parts, params.load("evaluate", EvaluateConfig), movies, seed=42)


@pytest.fixture(scope="module")
def evaluated(project: dict[str, Any]) -> Evaluation:
    assert params.load("models.svd", ModelEntry).seed == 42
    return evaluation_of("svd")


def test_the_parts_have_the_published_sizes(project: dict[str, Any]) -> None:
    sizes = [pq.read_metadata(file).num_rows for file in (paths.TRAIN, paths.VALID, paths.TEST)]
    assert sizes == [75_066, 0, 24_934]


PUBLISHED = {
    "map_at_10": 0.012060,
    "ndcg_at_10": 0.094445,
    "precision_at_10": 0.089077,
    "recall_at_10": 0.030094,
    "rmse": 0.942506,
    "mae": 0.744752,
    "r2": 0.299984,
    "explained_variance": 0.299985,
}


@pytest.mark.parametrize(("key", "value"), PUBLISHED.items())
def test_svd_to_six_decimals(evaluated: Evaluation, key: str, value: float) -> None:
    assert f"{evaluated.metrics[key]:.6f}" == f"{value:.6f}"


def test_the_report_shows_the_same_row(project: dict[str, Any]) -> None:
    (row,) = [row for row in published(project["protocol"]) if row.algorithm == "SVD"]
    assert row.values == PUBLISHED


@pytest.mark.parametrize(("model", "goal"), [("ease", 0.480), ("ials", 0.480), ("bpr", 0.470)])
def test_models_that_rank_lead_the_published_table(
    project: dict[str, Any], model: str, goal: float
) -> None:
    best = max(row.values.get("ndcg_at_10") or 0 for row in published(project["protocol"]))
    reached = evaluation_of(model).metrics["ndcg_at_10"]
    assert reached >= max(goal, best)
