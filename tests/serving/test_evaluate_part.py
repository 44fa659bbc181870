"""`reelbench evaluate`: figures of a part are those that the stage keeps by user and by cohort."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from serving_samples import IDS, train, write_project
from small_project import write_params
from typer.testing import CliRunner

from reelbench import paths
from reelbench.cli import app
from reelbench.features.block import Features
from reelbench.models.base import Recommender
from reelbench.models.ease import EASE
from reelbench.models.popularity import WeightedMean
from reelbench.stages import evaluate

PARAMS = {
    "seed": 1,
    "threads": 1,
    "faults": [],
    "models": {},
    "inputs": {"ease": [], "weighted_mean": []},
    "evaluate": {"k": [3], "similarity": "text", "bootstrap_samples": 50},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that the stage has evaluated."""
    folder = tmp_path_factory.mktemp("run")
    features = Features(IDS)
    fitted: dict[str, Recommender] = {"ease": EASE().fit(train(), features=features)}
    fitted["weighted_mean"] = WeightedMean().fit(train(), features=features)
    write_project(folder, fitted)
    write_params(folder, PARAMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        evaluate.run()
    return folder


@pytest.fixture(autouse=True)
def there(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)


def asked(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["evaluate", *words])
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


def found(*words: str) -> dict[str, Any]:
    return json.loads(asked(*words, "--json"))


def per_user(model: str) -> pd.DataFrame:
    return pd.read_parquet(paths.per_user(model))


def test_the_whole_is_what_the_stage_wrote() -> None:
    stored = json.loads(paths.metrics("ease").read_text())
    whole = found("ease")
    assert whole["n_test_users"] == whole["n_all_users"] == stored["n_test_users"]
    for key, told in whole["metrics"].items():
        assert told["value"] == pytest.approx(stored[key], abs=1e-12)
        if key in stored["intervals"]:
            assert [told["low"], told["high"]] == pytest.approx(stored["intervals"][key])
    assert {"ndcg_at_3", "recall_ips_at_3", "coverage_at_3", "auc"} <= set(whole["metrics"])


@pytest.mark.parametrize("lines", ["{a}\n{b}\n", "user;note\n{a};x\n\n{b};y\n", '"{a}"\r\n"{b}"'])
def test_users_of_a_file(lines: str) -> None:
    table = per_user("weighted_mean")
    a, b = table["user_idx"].iloc[[2, 7]]
    Path("some.csv").write_text(lines.format(a=a, b=b), encoding="utf-8-sig")
    part = found("weighted_mean", "--users", "some.csv")
    own = table[table["user_idx"].isin([a, b])]
    assert (part["n_test_users"], part["n_test"]) == (2, own["n_test"].sum())
    rmse = (own["squared_error"].sum() / own["n_test"].sum()) ** 0.5
    assert part["metrics"]["rmse"]["value"] == pytest.approx(rmse, abs=1e-9)
    for key in ("ndcg_at_3", "auc", "diversity_genres_at_3", "ndcg_graded_at_3"):
        assert part["metrics"][key]["value"] == pytest.approx(own[key].mean(), abs=1e-9)
    text = asked("weighted_mean", "--users", "some.csv")
    assert text.startswith(f"weighted_mean on some.csv: {part['n_test']} test ratings of 2 of ")
    assert f"RMSE {rmse:.4f} [" in text


def test_every_cohort_is_as_in_its_table() -> None:
    table = pd.read_csv(paths.cohorts("weighted_mean"))
    assert len(table) > 12
    for row in table.to_dict("records"):
        part = found("weighted_mean", "--cohort", f"{row['by']}/{row['cohort']}")
        assert part["n_test"] == row["n_test"] and part["n_test_users"] == row["users"]
        shared = set(part["metrics"]) & {key for key in row if not pd.isna(row[key])}
        assert {"rmse", "ndcg_at_3", "recall_at_3"} <= shared
        for key in shared:
            assert part["metrics"][key]["value"] == pytest.approx(row[key], abs=1e-6), key
        of_users = "user" in row["by"]
        assert ("auc" in part["metrics"]) == ("novelty_at_3" in part["metrics"]) == of_users


def test_activity_counts_the_profiles_of_held_out_users(project: Path) -> None:
    """A user without a row in train, and with one that is folded in, is not cold."""
    file = project / paths.SPLIT / "profile.parquet"
    table, rows = pd.read_parquet(paths.TRAIN), pd.read_parquet(paths.TEST)
    user = rows["user_idx"].mode()[0]
    own = table["user_idx"] == user
    table[own].to_parquet(file)
    table[~own].to_parquet(paths.TRAIN)
    try:
        cohort = f"user activity/{'1-9' if own.sum() < 10 else '10-29'} ratings"
        Path("one.txt").write_text(str(user))
        part = found("ease", "--users", "one.txt", "--cohort", cohort)
        assert part["n_test"] == (rows["user_idx"] == user).sum()
    finally:
        table.to_parquet(paths.TRAIN)
        file.unlink()


def test_users_and_cohort_together() -> None:
    users = per_user("ease")["user_idx"]
    Path("half.txt").write_text("\n".join(map(str, users[::2])))
    both = found("ease", "--users", "half.txt", "--cohort", "drama")
    assert both["part"] == "half.txt and drama"
    drama = found("ease", "--cohort", "Drama")
    assert 0 < both["n_test_users"] < drama["n_test_users"]


def test_what_there_is_not_is_one_sentence() -> None:
    Path("wrong.csv").write_text("user_id\n1\n2x\n3y\n")
    told = asked("ease", "--users", "wrong.csv", code=2)
    assert told.startswith("evaluate: wrong.csv: the data have no user '2x' (nor 1 more)")
    assert "did you mean '2'?" in told
    Path("typo.txt").write_text("2x\n1\n")  # no header: it has a digit
    assert "no user '2x'" in asked("ease", "--users", "typo.txt", code=2)
    assert "cannot be read as text" in asked("ease", "--users", "none.csv", code=2)
    assert "no 'Dramma'; did you mean 'Drama'?" in asked("ease", "--cohort", "Dramma", code=2)
    both = "'user activity/10-29 ratings' and 'item popularity/10-29 ratings'"
    assert both in asked("ease", "--cohort", "10-29 ratings", code=2)
    assert "available: ease, weighted_mean" in asked("easy", code=2)
    assert "cold users: there is no test rating" in asked("ease", "--cohort", "cold users", code=2)


def test_results_of_other_data_and_faults_are_refused(project: Path) -> None:
    write_params(project, PARAMS | {"data": {"name": "mine"}})
    sizes = json.loads(paths.CATALOGUE.read_text())
    paths.CATALOGUE.write_text(json.dumps(sizes | {"name": "theirs"}))
    try:
        assert "data/ has data theirs and params.yaml mine" in asked("ease", code=2)
        paths.CATALOGUE.write_text(json.dumps(sizes))
        write_params(project, PARAMS | {"faults": ["score_train_rows"]})
        assert "there is no part of a protocol with faults" in asked("ease", code=2)
    finally:
        paths.CATALOGUE.write_text(json.dumps(sizes))
        write_params(project, PARAMS)


def test_a_sample_of_the_run_does_not_limit_the_part(project: Path) -> None:
    sampled = PARAMS | {"evaluate": {**PARAMS["evaluate"], "users": 3}}  # type: ignore[dict-item]
    write_params(project, sampled)
    try:
        assert found("ease")["n_test_users"] == len(np.unique(per_user("ease")["user_idx"]))
    finally:
        write_params(project, PARAMS)
