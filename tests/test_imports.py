"""Predictions of another library are evaluated as our own are; what cannot be used is told."""

from __future__ import annotations

import json
import shutil
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_project import N_ITEMS, N_USERS, ratings, write_catalogue, write_params, write_ratings
from typer.testing import CliRunner

from reelbench import gate, imports, params, paths
from reelbench.cli import app
from reelbench.data import DataError
from reelbench.evaluation import evaluated_runs
from reelbench.files import read_json
from reelbench.models.base import Recommender
from reelbench.params import ParamsError
from reelbench.reporting import tables
from reelbench.reporting.results import read_result
from reelbench.stages import evaluate, featurize, inputs, train
from reelbench.tracking import record

BIAS = {"_target_": "reelbench.models.bias.Bias", "code": "bias.py", "features": []}
PARAMS: dict[str, Any] = {
    "seed": 5,
    "faults": [],
    "threads": 1,
    "data": {"name": "toy"},
    "split": {"name": "random"},
    "features": {"ids": {"_target_": "reelbench.features.block.IdsBlock", "code": "block.py"}},
    "models": {"bias": BIAS},
    "inputs": {"bias": []},
    "evaluate": {"k": [3, 5], "similarity": "ids", "bootstrap_samples": 40},
}
RANKED = ("ndcg_at_3", "recall_at_5", "mrr_at_5", "coverage_at_3")


@pytest.fixture(autouse=True)
def project(evaluated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(evaluated, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one trained and evaluated model, whose ids are not the indices."""
    folder = tmp_path_factory.mktemp("evaluated")
    write_catalogue(folder)
    write_ratings(folder, ratings())
    write_params(folder, PARAMS)
    with chdir(folder):
        run()
    return folder


def run() -> None:
    for file, column in ((paths.USERS, "user_id"), (paths.ITEMS, "item_id")):
        table = pd.read_parquet(file)
        table[column] = [f"{1000 - number}" for number in range(len(table))]
        table.to_parquet(file)
    featurize.run("ids")
    inputs.run()
    train.run("bias")
    evaluate.run()


def predictions() -> pd.DataFrame:
    """What the model says of every user and movie, with the ids of the source."""
    users, items = np.divmod(np.arange(N_USERS * N_ITEMS), N_ITEMS)
    model = Recommender.load(paths.model_dir("bias"))
    table = pd.DataFrame({"user_id": 1000 - users, "item_id": 1000 - items})
    table["score"] = model.score(np.arange(N_USERS)).ravel()
    table["prediction"] = model.predict(users, items)
    return table


def imported(table: pd.DataFrame, **options: Any) -> dict[str, Any]:
    """Metrics of a run."""
    table.to_csv("run.csv", index=False)
    imports.import_run("other", Path("run.csv"), **options)
    evaluate.run()
    return dict(read_json(paths.metrics("other")))


def of_model() -> dict[str, Any]:
    return dict(read_json(paths.metrics("bias")))


def test_the_predictions_of_a_model_have_the_metrics_of_the_model() -> None:
    assert imported(predictions()) == of_model()
    own, other = (pd.read_parquet(paths.per_user(name)) for name in ("bias", "other"))
    pd.testing.assert_frame_equal(own, other)


def test_the_top_of_each_ranking_is_enough_but_for_auc() -> None:
    table = predictions().drop(columns="prediction")
    seen = pd.concat([ratings()["train"], ratings()["valid"]])
    pairs = pd.MultiIndex.from_arrays([1000 - seen["user_idx"], 1000 - seen["item_idx"]])
    table = table[~pd.MultiIndex.from_frame(table[["user_id", "item_id"]]).isin(pairs)]
    table = table.sort_values(["score", "item_id"], ascending=False).groupby("user_id").head(5)
    table["rank"] = table.groupby("user_id").cumcount() + 1
    found = imported(table.drop(columns="score"))
    assert {key: found[key] for key in RANKED} == {key: of_model()[key] for key in RANKED}
    assert found["auc"] is None and found["rmse"] is None and found["calibration_error"] is None
    assert "auc" not in found["intervals"]


def test_ratings_alone_have_errors_and_no_ranking() -> None:
    found = imported(predictions().drop(columns="score"))
    errors = ("rmse", "mae", "calibration_error")
    assert {key: found[key] for key in errors} == {key: of_model()[key] for key in errors}
    assert {found[key] for key in (*RANKED, "auc")} == {None}
    assert set(found["intervals"]) < {"rmse", "mae", "mse", "r2", "explained_variance", "pearson"}
    assert read_result("other").cohorts["ndcg_at_3"].isna().all()


def test_ratings_may_have_a_file_of_their_own() -> None:
    table = predictions()
    table[["user_id", "item_id", "prediction"]].to_csv("ratings.tsv", sep="\t", index=False)
    assert imported(table.drop(columns="prediction"), ratings=Path("ratings.tsv")) == of_model()


def test_a_test_rating_without_prediction_gets_the_mean_of_train() -> None:
    table, test = predictions().drop(columns="score"), ratings()["test"]
    first = (table["user_id"] == 1000 - test["user_idx"].iloc[0]) & (
        table["item_id"] == 1000 - test["item_idx"].iloc[0]
    )
    imported(table[~first])
    predicted = pd.read_parquet(paths.predictions("other"))["score"]
    assert predicted[0] == pytest.approx(ratings()["train"]["rating"].mean())


def test_every_format_is_the_same_run(tmp_path: Path) -> None:
    table = predictions().drop(columns="prediction")
    trec = table.assign(q0="Q0", place=0, tag="x")[
        ["user_id", "q0", "item_id", "place", "score", "tag"]
    ]
    typed = {"user_id": "user_id:token", "item_id": "item_id:token", "score": "score:float"}
    table.to_parquet("a.parquet")
    trec.to_csv("b.trec", sep=" ", header=False, index=False)
    table.rename(columns=typed).to_csv("c.inter", sep="\t", index=False)
    table.to_csv("d.csv.gz", sep=";", index=False)
    kept = []
    for file in sorted(tmp_path.glob("[a-d].*")):
        imports.import_run("other", file)
        kept.append(pd.read_parquet(paths.imported_run("other")))
    assert len(kept) == 4
    for other in kept[1:]:
        pd.testing.assert_frame_equal(kept[0], other)


def test_what_is_left_out_is_counted() -> None:
    table = predictions().drop(columns="prediction")
    more = pd.DataFrame({"user_id": ["nobody", "1000"], "item_id": ["1000", "no"], "score": 1.0})
    seen = len(ratings()["train"]) + len(ratings()["valid"])
    pd.concat([table, more]).to_csv("run.csv", index=False)
    said = imports.import_run("other", Path("run.csv"))
    tested = ratings()["test"]["user_idx"].unique()
    known = pd.concat([ratings()["train"], ratings()["valid"]])
    own = int(known["user_idx"].isin(tested).sum())
    assert own <= seen
    assert f"left out: {own:,} rows of movies that the user has rated before" in said
    assert "left out: 1 rows of unknown users" in said
    assert "left out: 1 rows of unknown movies" in said
    missing = table[table["user_id"] != 1000 - tested[0]]
    assert imported(missing)["n_test_users"] == len(tested)  # without a list: not left out


def test_scores_too_close_for_single_precision_keep_their_order() -> None:
    user = 1000 - int(ratings()["test"]["user_idx"].iloc[0])
    rows = [(user, 1000 - item, 1 + item * 1e-12) for item in range(N_ITEMS)]
    pd.DataFrame(rows, columns=["user", "item", "score"]).to_csv("run.csv", index=False)
    imports.import_run("other", Path("run.csv"))
    kept = pd.read_parquet(paths.imported_run("other"))
    assert kept["score"].is_monotonic_increasing and kept["score"].is_unique


ROW = "user_id,item_id,score\n1000,1000,1\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("user_id,item_id,score\n", "no rows"),
        ("user_id,score\n1000,1\n", "no column item_id"),
        ("user_id,item_id\n1000,1000\n", "no column rank, score or prediction"),
        (ROW + "1000,999,nan\n", "row 2: score is no finite number"),
        (ROW + "1000,999,much\n", "row 2: score is no finite number"),
        (ROW.replace("score", "prediction") + "1000,999,inf\n", "row 2: rating is no finite"),
        ("user_id,item_id,score\n1,1000,1\n", "no user '1', nor any other"),
        ("user_id,item_id,score\n1000,1,1\n", "no movie '1', nor any other"),
        (ROW + "1000,999,1,1\n", "Expected 3 fields in line 3, saw 4"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(text: str, told: str) -> None:
    Path("run.csv").write_text(text)
    with pytest.raises(DataError, match=told) as error:
        imports.import_run("other", Path("run.csv"))
    assert str(error.value).startswith("run.csv: ") and "\n" not in str(error.value)
    assert params.told(error.value)


def test_a_pair_that_is_there_twice_is_named() -> None:
    test = ratings()["test"].iloc[0]
    user, movie = 1000 - int(test["user_idx"]), 1000 - int(test["item_idx"])
    Path("run.csv").write_text(f"user,item,rank\n{user},{movie},1\n{user},{movie},2\n")
    with pytest.raises(DataError, match=f"user {user} has movie {movie} twice"):
        imports.import_run("other", Path("run.csv"))


@pytest.mark.parametrize(
    ("name", "cost", "told"),
    [
        ("bias", "train_seconds=1", "the name of a model"),
        ("a/b", "train_seconds=1", "a name has letters"),
        ("other", "train_second=1", "did you mean 'train_seconds'"),
        ("other", "train_seconds", "train_seconds"),
    ],
)
def test_a_name_or_cost_that_cannot_be_used_is_told(name: str, cost: str, told: str) -> None:
    predictions().to_csv("run.csv", index=False)
    with pytest.raises(ParamsError, match=told) as error:
        imports.import_run(name, Path("run.csv"), costs=[cost])
    assert "\n" not in str(error.value)
    assert not paths.IMPORTED.exists()


def test_it_is_a_row_of_the_leaderboard_with_its_costs() -> None:
    imported(predictions(), costs=["train_seconds=12.5", "cpu_seconds=36"])
    results = [read_result(name) for name in ("bias", *evaluated_runs())]
    frame = tables.metrics_frame(results).set_index("model")
    assert frame["family"].to_dict() == {"bias": "bias", "other": "imported"}
    assert frame.loc["other", ["train_seconds", "energy_wh", "energy_source"]].to_list() == [
        12.5,
        0.035,
        "estimated",
    ]
    assert np.isnan(frame.loc["other", "peak_memory_bytes"])


def test_gate_and_tracking_have_it_too() -> None:
    imported(predictions(), costs=["energy_wh=0.5"])
    gate.save(["bias", "other"], ["rmse"], Path("base"))
    turned = predictions()
    turned["prediction"] = 1.0
    imported(turned)
    config = gate.GateConfig(tolerances={"rmse": 0.01}, cost_limits={}, bootstrap_samples=500)
    rows = gate.compare(gate.read("base"), gate.read("."), config, 1)
    assert [(row.model, row.key) for row in rows if row.failure] == [("other", "rmse")]
    kept = record.read_model("other")
    assert kept.test_metrics["test/rmse"] == read_json(paths.metrics("other"))["rmse"]
    assert not kept.requirements and kept.tags["family"] == "imported"


def test_one_of_other_test_ratings_waits_and_one_that_is_removed_is_gone() -> None:
    imported(predictions())
    rows = pd.read_parquet(paths.TEST)
    rows.iloc[:-1].to_parquet(paths.TEST)
    evaluate.run()
    assert evaluated_runs() == [] and "other" not in read_json(paths.METRICS)
    rows.to_parquet(paths.TEST)
    evaluate.run()
    assert evaluated_runs() == ["other"]
    imports.remove_run("other")
    evaluate.run()
    assert evaluated_runs() == [] and list(read_json(paths.METRICS)) == ["bias"]
    with pytest.raises(ParamsError, match="no imported run other"):
        imports.remove_run("other")


def test_the_split_is_exported_with_the_ids_of_the_source(tmp_path: Path) -> None:
    written = imports.export_split(tmp_path / "out")
    assert [file.name for file in written] == ["train.csv", "valid.csv", "test.csv"]
    table, own = pd.read_csv(written[0]), ratings()["train"]
    assert list(table) == ["user_id", "item_id", "rating", "timestamp"]
    assert (table["user_id"].to_numpy() == 1000 - own["user_idx"].to_numpy()).all()
    assert (table["item_id"].to_numpy() == 1000 - own["item_idx"].to_numpy()).all()
    assert (table["rating"].to_numpy() == own["rating"].to_numpy()).all()


def test_the_command_keeps_a_run_and_removes_it() -> None:
    predictions().to_csv("run.csv", index=False)
    command = CliRunner().invoke
    kept = command(app, ["import-run", "other", "run.csv", "--no-evaluate"])
    assert kept.exit_code == 0 and "other: rankings of" in kept.output
    again = command(app, ["import-run", "other", "run.csv", "--no-evaluate", "--json"])
    assert json.loads(again.stdout)["read"] == kept.stdout.splitlines()
    exported = command(app, ["export-split", "out", "--json"])
    assert [Path(file).exists() for file in json.loads(exported.stdout)["files"]] == [True] * 3
    assert command(app, ["import-run", "other", "--remove", "--no-evaluate"]).exit_code == 0
    assert not paths.imported_run("other").exists()
    without = command(app, ["import-run", "other"])
    assert without.exit_code == 2 and "give a file of predictions, or --remove" in without.stderr
