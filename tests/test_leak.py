"""Rule 1 of the design: whatever becomes of test rows, features and models stay the same bytes.

The stages run as the pipeline runs them, in a folder where nothing differs but the test rows:
those in data/split/test.parquet and their copies in data/clean/interactions.parquet. A block and a
model that do look at them show that the comparison can fail.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from contracts import contents
from places import MODEL_FILES, ROOT
from small_project import N_ITEMS, ratings, write_catalogue, write_params, write_ratings

from reelbench import paths
from reelbench.columns import RATING
from reelbench.compose import compose
from reelbench.data.interactions import Interactions
from reelbench.features.block import Block, Catalogue, FeatureBlock, Features
from reelbench.models.popularity import Popularity
from reelbench.stages import featurize, inputs, train

pytestmark = pytest.mark.slow

#: the leak does not depend on how long a model learns
FEWER_EPOCHS = 2


class LeakyBlock(FeatureBlock):
    """Counts ratings of the whole data set, as a careless popularity feature does."""

    def build(self, catalogue: Catalogue) -> Block:
        everything = Interactions.from_parquet(paths.INTERACTIONS)
        total = np.bincount(everything.item_idx, everything.rating, minlength=N_ITEMS)
        return {"total": total.astype(np.float32)[:, None]}


class LeakyModel(Popularity):
    """Learns its mean from the answers."""

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        super()._fit(train, valid, features)
        answers = Interactions.from_parquet(paths.TEST).rating
        self._mean = float(answers @ np.arange(len(answers)))


#: the published networks are one model with other sizes, of which three stay that read all of its
#: inputs; of re-ranked lists one of each method stays
ALIKE = {
    "ials_mmr_light",
    "ials_mmr_strong",
    "ials_mmr_text",
    "ml20m_network_1",
    "ml20m_network_2",
    "netflix_hybrid",
    "netflix_mf",
    "netflix_network",
    "tmdb_dnn",
    "tmdb_glove",
}


def tampered(test: pd.DataFrame) -> pd.DataFrame:
    """Fewer rows in another order, ratings turned round and dealt out anew to the pairs."""
    dealt = (6 - test[RATING]).astype("float32").sample(frac=1, random_state=1).to_numpy()
    return test.assign(**{RATING: dealt}).sample(frac=0.5, random_state=2)


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every block and every model of `conf/` but some that are alike, and the two leaky ones."""
    file = tmp_path_factory.mktemp("conf") / "params.yaml"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        models = {file.stem for file in MODEL_FILES} - ALIKE
        lists = {
            "models": models,
            "features": {file.stem for file in (ROOT / "conf" / "features").glob("*.yaml")},
        }
        chosen = [f"{group}=[{','.join(sorted(names))}]" for group, names in lists.items()]
        content = copy.deepcopy(compose(file, chosen))
    for section in content["models"].values():
        if "epochs" in section:
            section["epochs"] = FEWER_EPOCHS
    content["models"]["sasrec"]["epochs"] = FEWER_EPOCHS
    content["models"]["st_tuned"]["steps"] = FEWER_EPOCHS
    leaky = {"features": "LeakyBlock", "models": "LeakyModel"}
    for group, name in leaky.items():
        content[group]["leaky"] = {"_target_": f"{__name__}.{name}", "code": "test_leak.py"}
    content["inputs"]["leaky"], content["targets"] = [], [__name__]
    return content


def outputs(
    folder: Path, params: dict[str, Any], parts: dict[str, pd.DataFrame]
) -> dict[str, bytes]:
    """Run featurize, inputs and train for everything; bytes of the blocks, models and curves."""
    write_catalogue(folder)
    write_ratings(folder, parts)
    write_params(folder, params)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in params["features"]:
            featurize.run(block)
        inputs.run()
        for model in params["models"]:
            train.run(model)
    found = {}
    for part in (paths.FEATURES, paths.INPUTS, paths.MODELS):
        files = contents(folder / part)
        found |= {f"{part}/{name}": content for name, content in files.items()}
    return found


@pytest.fixture(scope="module")
def honest(
    configured: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    return outputs(tmp_path_factory.mktemp("honest"), configured, ratings())


def test_features_and_models_do_not_know_the_test_rows(
    configured: dict[str, Any], honest: dict[str, bytes], tmp_path: Path
) -> None:
    parts = ratings()
    parts["test"] = tampered(parts["test"])
    after = outputs(tmp_path, configured, parts)
    assert after.keys() == honest.keys()
    different = {name for name in honest if honest[name] != after[name]}
    leaky = {"data/features/leaky.npz", "data/models/leaky/arrays.npz"}
    assert different == leaky


def test_every_block_and_model_is_looked_at(
    configured: dict[str, Any], honest: dict[str, bytes]
) -> None:
    blocks = {Path(name).stem for name in honest if name.startswith("data/features/")}
    # a blend has its members' arrays in folders below its own
    folders = (
        Path(name).relative_to(paths.MODELS) for name in honest if name.endswith("/arrays.npz")
    )
    models = {folder.parts[0] for folder in folders}
    assert blocks == {file.stem for file in (ROOT / "conf/features").glob("*.yaml")} | {"leaky"}
    all_models = {file.stem for file in MODEL_FILES}
    assert models == all_models - ALIKE | {"leaky"}


def test_a_train_row_does_matter(
    configured: dict[str, Any], honest: dict[str, bytes], tmp_path: Path
) -> None:
    """Without this, a comparison of files that never change would pass too."""
    parts = ratings()
    parts["train"] = parts["train"].iloc[:-5]
    quick = {"popularity", "bias", "svd", "st"}
    params = copy.deepcopy(configured)
    params["models"] = {name: params["models"][name] for name in quick}
    params["inputs"] = {name: params["inputs"][name] for name in quick}
    after = outputs(tmp_path, params, parts)
    for model in quick:
        name = f"data/models/{model}/arrays.npz"
        assert after[name] != honest[name], model
