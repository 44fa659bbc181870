"""A published figure of ml-latest-small: SVD of user-centred ratings, k = 50, temporal split.

Fitted on train alone (not on valid) it has RMSE 0.9628 and MAE 0.7459 on the 8,886 test pairs whose
movie is in train.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reelbench import params, paths
from reelbench.compose import compose
from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.files import read_json
from reelbench.models.base import ModelEntry
from reelbench.stages import clean, split

ROOT = Path(__file__).parents[2]
Data = tuple[Features, Interactions, Interactions, ModelEntry]


@pytest.fixture(scope="module")
def data(ml_latest_small: Path, tmp_path_factory: pytest.TempPathFactory) -> Data:
    """Train and test of the committed split, and the committed parameters of the model."""
    folder = tmp_path_factory.mktemp("golden")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        compose(folder / paths.PARAMS, ["data=ml-latest-small", "split=temporal_user"])
        patch.chdir(folder)
        paths.DATA.mkdir()
        paths.RAW.symlink_to(ml_latest_small, target_is_directory=True)
        clean.run()
        split.run()
        size = read_json(paths.CATALOGUE)
        ids = Ids(size["n_users"], size["n_items"], size["rating_min"], size["rating_max"])
        train, test = map(Interactions.from_parquet, (paths.TRAIN, paths.TEST))
        return Features(ids), train, test, params.load("models.svds", ModelEntry)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_published_errors_whatever_the_seed(data: Data, seed: int) -> None:
    features, train, test, entry = data
    model = entry.create("svds", seed=seed, threads=1).fit(train, train, features)
    warm = np.isin(test.item_idx, train.item_idx)
    error = model.predict(test.user_idx[warm], test.item_idx[warm]) - test.rating[warm]
    assert (len(train), len(test), warm.sum()) == (81_200, 9_818, 8_886)
    assert entry.parameters == {"factors": 50}
    assert np.sqrt(np.mean(error**2, dtype=float)) == pytest.approx(0.9628, abs=0.0002)
    assert np.abs(error).mean(dtype=float) == pytest.approx(0.7459, abs=0.0002)
