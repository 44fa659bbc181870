"""The pyfunc as MLflow calls it: saved as code, loaded, asked with and without parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.popularity import Popularity
from reelbench.serving import bundle

pytestmark = pytest.mark.filterwarnings("ignore:.*input example")

N_ITEMS = 12


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("DO_NOT_TRACK", "true")
        import mlflow

        from reelbench.serving import pyfunc

        folder = tmp_path_factory.mktemp("pyfunc")
        write_bundle(folder)
        mlflow.pyfunc.save_model(
            folder / "saved",
            python_model=pyfunc.__file__,
            artifacts={pyfunc.ARTIFACT: str(folder / pyfunc.ARTIFACT)},
            signature=pyfunc.SIGNATURE,
            pip_requirements=["mlflow"],
        )
        yield mlflow.pyfunc.load_model(str(folder / "saved"))


def write_bundle(folder: Path) -> None:
    train = Interactions.from_arrays([0, 0, 1], [3, 4, 3], [4.0, 2.0, 5.0])
    model = Popularity(seed=0, threads=1).fit(train, train, Features(Ids(2, N_ITEMS, 1.0, 5.0)))
    model.save(folder / "model")
    items = {"item_idx": range(N_ITEMS), "item_id": range(N_ITEMS), "title": list("abcdefghijkl")}
    pd.DataFrame(items).to_parquet(folder / "items.parquet")
    users = {"user_idx": range(2), "user_id": ["1", "2"]}
    pd.DataFrame(users).to_parquet(folder / "users.parquet")
    tables = (folder / "items.parquet", folder / "users.parquet")
    bundle.write(folder / "bundle", folder / "model", *tables, [train])


def test_k_is_ten_unless_told(loaded: Any) -> None:
    assert len(loaded.predict(pd.DataFrame({"user_id": ["1"]}))) == 10


def test_k_of_the_call(loaded: Any) -> None:
    answer = loaded.predict(pd.DataFrame({"user_id": ["2", "?"]}), params={"k": 2})
    assert answer["title"].tolist() == ["e", "a", "d", "e"]
    assert answer["rank"].tolist() == [1, 2, 1, 2]


def test_the_answer_has_the_columns_of_the_signature(loaded: Any) -> None:
    answer = loaded.predict(pd.DataFrame({"user_id": ["1"]}))
    assert list(answer) == loaded.metadata.get_output_schema().input_names()
    assert np.isfinite(answer["score"]).all()


def test_a_table_without_users_is_refused(loaded: Any) -> None:
    with pytest.raises(Exception, match="user_id"):
        loaded.predict(pd.DataFrame({"name": ["1"]}))
