from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from places import ROOT
from typer.testing import CliRunner, Result

from reelbench import claims, faults
from reelbench.cli import app
from reelbench.params import ParamsError
from reelbench.splits import METHODS

#: values that are no fault, beside the first of each field
SOUND = {
    "split": {
        *("temporal_global", "windows", "prequential", "leave_one_out"),
        *("held_out_users", "cold_items", "predefined"),
    },
    "candidates": {"train_items"},
    "parameters": {"fixed"},
    "stopping": {"none"},
    "uncertainty": {"seeds"},
}


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def row(data: str, model: str, fault: str | None, honest: float, value: float) -> claims.Row:
    found = dict.fromkeys(claims.COLUMNS) | {"data": data, "model": model, "metric": "rmse"}
    bounds = {"honest_low": honest - 0.02, "honest_high": honest + 0.02}
    figures = {"honest": honest, "value": value, "difference": value - honest}
    return found | bounds | {"fault": fault} | (figures if fault else {"honest": honest})


ROWS = (
    row("a", "good", None, 0.90, 0.0),
    row("a", "bias", "score_train_rows", 1.00, 0.70),
    row("a", "net", "score_train_rows", 0.95, 0.81),
    row("a", "bias", "random_rows", 1.00, 0.93),
    row("a", "net", "random_rows", 0.95, 0.97),
    row("b", "bias", "score_train_rows", 0.80, 0.60),
    row("b", "bias", "drop_cold_items", 0.80, 0.79),
)


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "measured", lambda: ROWS)


def test_every_value_of_a_field_is_a_fault_or_sound() -> None:
    wrong: dict[str, set[str]] = {}
    for fault in faults.known().values():
        assert fault.protocol
        for field, values in fault.protocol.items():
            wrong.setdefault(field, set()).update(values)
    for field, known in claims.FIELDS.items():
        first, *others = known["values"]
        assert set(others) == wrong[field] | SOUND.get(field, set()), field
        assert first not in wrong[field] | SOUND.get(field, set())
    assert set(claims.FIELDS["split"]["values"]) == set(METHODS)


def test_a_default_run_of_ours_is_sound_and_states_everything() -> None:
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    stated = claims.described([str(ROOT / "params.yaml")], {})
    assert stated.keys() == {"data", *claims.FIELDS} and not claims.findings(stated)
    switched = content | {"faults": ["score_train_rows", "drop_cold_items"]}
    switched["split"] = {"name": "own", "method": "kfold", "shuffle": False, "valid_rows": "test"}
    switched["models"]["dnn"] |= {"continued": [0.1], "cold": "untrained"}
    switched["evaluate"] |= {"candidates": "train"}
    described = claims.of_params(switched)
    assert (described["split"], described["candidates"]) == ("kfold", "train_items")
    assert {finding["fault"] for finding in claims.findings(described)} == {
        *("score_train_rows", "drop_cold_items", "random_rows", "consecutive_folds"),
        *("validation_on_test", "continued", "untrained_ids"),
    }


def test_worth_is_of_the_stated_data_first_and_from_lowest_to_highest(rows: None) -> None:
    (finding,) = claims.findings({"data": "b", "scored": "train_and_test"})
    assert finding["shown_by"] == {"scored": "train_and_test"}
    assert [row["data"] for row in finding["measured"]] == ["b", "a", "a"]
    here, elsewhere = finding["worth"]
    assert (here["data"], here["lowest"]["model"]) == ("b", "bias")
    assert (elsewhere["lowest"]["model"], elsewhere["highest"]["model"]) == ("bias", "net")
    (unmeasured,) = claims.findings({"uncertainty": "none"})
    assert unmeasured["worth"] == []


def test_a_score_beyond_an_honest_model_is_explained_by_what_was_measured(rows: None) -> None:
    found = claims.explain("a", "rmse", "0.787")
    assert (found["best"]["model"], found["honest"]) == ("good", False)
    assert found["ahead"] == pytest.approx(0.113)
    assert [(r["model"], r["fault"]) for r in found["as_good"]] == [("bias", "score_train_rows")]
    assert [(r["model"], r["value"]) for r in found["close"]] == [("net", 0.81)]
    assert found["elsewhere"] == ["drop_cold_items"]
    assert "validation_on_test" in found["unmeasured"]


def test_a_score_within_the_interval_of_the_best_is_honest(rows: None) -> None:
    assert claims.explain("a", "rmse", "0.881")["honest"]
    assert not claims.explain("a", "rmse", "0.879")["honest"]
    # a fault that makes a figure worse explains none
    named = [(r["model"], r["fault"]) for r in claims.explain("a", "rmse", "0.98")["as_good"]]
    assert ("net", "random_rows") not in named and ("bias", "random_rows") in named


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "rmse", "x"], "RMSE is a number, not 'x'"),
        (["c", "rmse", "1"], "c was not measured, but a, b"),
        (["a", "mae", "1"], "mae was not measured, but rmse"),
    ],
)
def test_a_score_that_nothing_is_known_of_is_refused(
    words: list[str], message: str, rows: None
) -> None:
    with pytest.raises(ParamsError, match=message):
        claims.explain(*words)


def test_the_commands_exit_codes(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("split: temporal_user\nscored: test\n")
    sound = run("lint-protocol", str(file))
    assert sound.exit_code == 0 and "No fault in what is stated" in sound.output
    assert "Not stated: folds, encoder" in sound.output
    faulty = run("lint-protocol", str(file), "--scored=train_and_test", "--split", "random")
    assert faulty.exit_code == 1 and "score_train_rows (scored: train_and_test)" in faulty.output
    for words in (["--splitt", "random"], ["--split", "rnd"], ["--split"], [str(tmp_path / "no")]):
        assert run("lint-protocol", *words).exit_code == 2
    assert "did you mean 'split'?" in run("lint-protocol", "--splitt", "random").stderr
    for text in ("- a\n- b\n", "split: [\n", "a: 1\n"):
        file.write_text(text)
        refused = run("lint-protocol", str(file))
        assert refused.exit_code == 2 and str(file) in refused.stderr, text
    assert run("explain-score", "--data", "ml-100k").exit_code == 2
    assert run("explain-score", "--data", "ml-100k", "--rmsee", "1").exit_code == 2


def test_json_has_every_measurement() -> None:
    found = run("lint-protocol", "--candidates", "sampled", "--data", "ml-100k", "--json")
    content: dict[str, Any] = json.loads(found.output)
    (finding,) = content["faults"]
    assert finding["fault"] == "sampled_candidates" and found.exit_code == 1
    assert set(finding["measured"][0]) == set(claims.COLUMNS)
    explained = run("explain-score", "--data", "ml-100k", "--ndcg-at-10", "0.5", "--json")
    best = json.loads(explained.output)["best"]
    assert best["fault"] is None or best["honest"] < 0.2
