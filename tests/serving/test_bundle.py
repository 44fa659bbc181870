"""What a bundle recommends, directly and through MLflow, on ratings with a known answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reelbench.data.interactions import Ids, Interactions
from reelbench.features.block import Features
from reelbench.models.popularity import Popularity
from reelbench.serving import bundle
from reelbench.serving.bundle import Bundle

# ratings per item: item 2 has 3, item 0 has 2, items 1 and 3 one each, item 4 none
TRAIN = Interactions.from_arrays([0, 0, 1, 1, 2, 2, 3], [2, 0, 2, 0, 2, 1, 3], [4.0] * 7)
VALID = Interactions.from_arrays([0], [1], [3.0])
USERS = ["7", "8", "9", "11"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    model = Popularity(seed=0, threads=1).fit(TRAIN, VALID, Features(Ids(4, 5, 1.0, 5.0)))
    model.save(folder / "model")
    # rows out of order, as a table may be: the index column says what belongs where
    items = pd.DataFrame({"item_idx": range(5), "item_id": range(10, 15), "title": list("abcde")})
    items.iloc[::-1].to_parquet(folder / "items.parquet")
    users = pd.DataFrame({"user_idx": range(4), "user_id": USERS})
    users.iloc[::-1].to_parquet(folder / "users.parquet")
    tables = (folder / "items.parquet", folder / "users.parquet")
    bundle.write(folder / "bundle", folder / "model", *tables, [TRAIN, VALID])
    return folder / "bundle"


@pytest.fixture(scope="module")
def served(folder: Path) -> Bundle:
    return Bundle.read(folder)


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Iterator[Any]:
    """The model saved by MLflow as code and loaded again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("DO_NOT_TRACK", "true")
        import mlflow

        from reelbench.serving import pyfunc

        saved = folder.with_name("saved")
        mlflow.pyfunc.save_model(
            saved,
            python_model=pyfunc.__file__,
            artifacts={pyfunc.ARTIFACT: str(folder)},
            signature=pyfunc.SIGNATURE,
            pip_requirements=["mlflow"],
        )
        yield mlflow.pyfunc.load_model(str(saved))


def test_seen_is_removed_and_ties_break_by_item(served: Bundle) -> None:
    answer = served.recommend(["7", "11"], k=3)
    # user 7 has seen items 2, 0 and (in valid) 1; user 11 has seen item 3
    assert answer["user_id"].tolist() == ["7"] * 2 + ["11"] * 3
    assert answer["item_id"].tolist() == ["13", "14", "12", "10", "11"]
    assert answer["title"].tolist() == ["d", "e", "c", "a", "b"]
    assert answer["rank"].tolist() == [1, 2, 1, 2, 3]
    assert answer["score"].tolist() == [1, 0, 3, 2, 1]


def test_an_unknown_user_gets_the_answer_of_the_model_for_one(served: Bundle) -> None:
    answer = served.recommend(["nobody"], k=5)
    assert answer["title"].tolist() == ["c", "a", "b", "d", "e"]
    assert set(answer["user_id"]) == {"nobody"}


def test_columns_and_dtypes_are_those_of_the_signature(served: Bundle) -> None:
    for asked in (["7"], []):
        answer = served.recommend(asked, k=2)
        assert list(answer) == ["user_id", "item_id", "title", "score", "rank"]
    answer = served.recommend(["7", "8"], k=2)
    assert answer["score"].dtype == np.float32
    assert answer["rank"].dtype == np.int64


def test_without_users_the_table_is_empty(served: Bundle) -> None:
    assert served.recommend([], k=3).empty


def test_a_user_asked_twice_is_answered_twice(served: Bundle) -> None:
    answer = served.recommend(["8", "8"], k=1)
    assert answer["title"].tolist() == ["b", "b"]


def test_many_users_are_answered_in_the_order_asked(
    served: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = served.recommend([*USERS, "x"], k=2)
    monkeypatch.setattr(bundle, "_USERS_PER_CALL", 2)
    pd.testing.assert_frame_equal(served.recommend([*USERS, "x"], k=2), together)


def test_k_below_one_is_refused(served: Bundle) -> None:
    with pytest.raises(ValueError, match="k must be at least 1"):
        served.recommend(["7"], k=0)


@pytest.mark.filterwarnings("ignore:.*input example")
def test_through_mlflow_with_and_without_k(loaded: Any, served: Bundle) -> None:
    answer = loaded.predict(pd.DataFrame({"user_id": ["8", "?"]}), params={"k": 2})
    pd.testing.assert_frame_equal(answer, served.recommend(["8", "?"], k=2))
    everything = loaded.predict(pd.DataFrame({"user_id": ["?"]}))
    assert len(everything) == 5 and np.isfinite(everything["score"]).all()
    assert list(everything) == loaded.metadata.get_output_schema().input_names()
    assert loaded.metadata.get_params_schema().params[0].default == 10


def test_a_table_without_users_is_refused(loaded: Any) -> None:
    with pytest.raises(Exception, match="user_id"):
        loaded.predict(pd.DataFrame({"name": ["1"]}))
