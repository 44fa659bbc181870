"""System C on a tiny sample: what is counted beside the figures of a model."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelbench import paths
from reelbench.data.interactions import Interactions
from reelbench.data.sources.synthetic import SyntheticConfig
from reelbench.models.base import Recommender
from reelbench.stages import __main__ as stages
from replications import netflix_overviews, workspace
from replications.netflix_sample import write_sample
from replications.pipeline import Step
from replications.precision import precision_at
from replications.rows import system
from replications.study import Study

ROOT = Path(__file__).parents[2]
SYSTEM = system("netflix_overviews")
SMALL = SyntheticConfig(
    n_users=100,
    n_items=120,
    n_ratings=2_000,
    min_per_user=10,
    n_tags=0,
    factors=2,
    noise=0.5,
    seed=1,
    ratings_file="ratings.parquet",
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("netflix")
    write_sample(folder / "sample", None, SMALL)
    overrides = (
        f"data.root={folder / 'sample'}",
        "filter.min_per_user=12",
        "filter.min_per_item=0",
        "evaluate.bootstrap_samples=20",
        "models.warp.epochs=2",
    )
    return Study(SYSTEM.preset, overrides, seeds=2, folder=folder / "work")


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(step: Step, folder: Path) -> dict[str, Any]:
        with contextlib.chdir(folder):
            assert stages.main(step.arguments) == 0
        return {"seconds": 0.5, "peak_memory_bytes": 1}

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(workspace, "_execute", execute)


def test_precision_is_counted_as_lightfm_counts(study: Study) -> None:
    result = netflix_overviews._warp(SYSTEM, study)
    ran = study.run(netflix_overviews._WARP)
    model = Recommender.load(ran.file(paths.model_dir("warp")))
    train, valid, test = (
        Interactions.from_parquet(ran.file(part)) for part in (paths.TRAIN, paths.VALID, paths.TEST)
    )
    seen = Interactions.from_arrays(
        np.concatenate([train.user_idx, valid.user_idx]),
        np.concatenate([train.item_idx, valid.item_idx]),
        np.concatenate([train.rating, valid.rating]),
    )
    honest = result.honest["precision_at_20"].value
    assert honest == pytest.approx(precision_at(model, test, 20, remove=seen))
    fault = {worth.fault: worth.difference for worth in result.worth}["seen_listed"]
    assert fault == pytest.approx(precision_at(model, test, 20) - honest) and fault < 0
    assert result.same["precision_at_20"].runs == 2
    # what was learned is found again: far more of it than of test
    assert result.same["precision_at_20_train"].mean > 3 * result.same["precision_at_20"].mean
    assert "precision@20 on train" in result.line and "`seen_listed`" in result.line


def test_figures_of_the_data_show_what_the_filter_leaves_out(study: Study) -> None:
    # a variant's folder is that of its model: read before the next one runs
    rows = [
        len(Interactions.from_parquet(study.run(of, upto="split").file(paths.INTERACTIONS)))
        for of in (netflix_overviews._WHOLE, netflix_overviews._FIRST)
    ]
    assert rows[0] == SMALL.n_ratings > rows[1]


def test_a_network_says_how_many_steps_it_had(study: Study) -> None:
    (result,) = netflix_overviews._network("c_mf", SYSTEM, study)
    assert result.shown.startswith("1 epoch in batches of 256: ")
    assert result.shown.endswith(" steps.")
    assert 1 <= result.same["rmse"].mean < 5
