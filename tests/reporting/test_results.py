"""Files of other stages and figures of others, as the report reads and shows them."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reporting_samples import content, result

from reelbench import paths
from reelbench.files import write_json
from reelbench.models.network.summary import INPUT, Layer
from reelbench.reporting import page
from reelbench.reporting.results import (
    SOURCES,
    ReportError,
    _about,
    published,
    read_replications,
    read_result,
)
from replications import results as replicated
from replications import tables
from replications.published import systems

PICTURE = paths.REPLICATION / "tmdb_titles" / "bars.png"
RESULTS = [result("svd", 0.85, 0.2), result("bias", 0.9, 0.2), result("popularity", None, 0.3)]


def test_a_model_that_is_not_evaluated_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ReportError, match="dvc repro evaluate"):
        read_result("svd")


def test_files_of_a_model_come_back_as_they_were_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stored = result("dnn")
    layers = [Layer("user_idx", INPUT), Layer("top", "Dense", ("user_idx",), (3, 4), 1_200)]
    write_json(paths.metrics("dnn"), stored.metrics)
    write_json(paths.layers("dnn"), [dataclasses.asdict(layer) for layer in layers])
    paths.per_user("dnn").parent.mkdir(parents=True, exist_ok=True)
    stored.per_user.to_parquet(paths.per_user("dnn"))
    stored.predictions.to_parquet(paths.predictions("dnn"))
    found = read_result("dnn")
    assert (found.layers, found.parameters, found.metrics["rmse"]) == (layers, 1_200, 0.9)
    # nothing else is stored
    assert found.curves.empty and found.cohorts.empty and found.train_cost == {}
    assert list(found.curves) == ["epoch", "train_loss", "valid_loss"]


def test_published_rows_are_marked_and_only_shown_for_their_protocol() -> None:
    assert published(None) == published("another") == []
    rows = published("recommenders_ml100k")
    assert [row.algorithm for row in rows][:2] == ["ALS", "SVD"]
    assert "rmse" not in rows[2].values and rows[2].values["ndcg_at_10"] == 0.393819
    reported = dataclasses.replace(
        content(*RESULTS), protocol="recommenders_ml100k", published=rows
    )
    text = page.leaderboard(reported)
    assert "## Published figures" in text
    assert "| SVD | 0.942506 | 0.744752 | 0.299984 | 0.094445 |" in text
    html = page.render(reported, {})
    assert "Published figures" in html and "LightGCN" in html
    # none of them is a row of the leaderboard
    assert "SVD" not in html[: html.index('id="published"')]


def test_every_protocol_has_a_source() -> None:
    data = {"ml20m_users": "ml-20m", "netflix_users": "netflix", "ml1m_leave_one_out": "ml-1m"}
    assert all(published(protocol, data.get(protocol, "ml-100k")) for protocol in SOURCES)


def test_published_figures_at_other_cutoffs_are_columns_too() -> None:
    rows = published("ml20m_users", "ml-20m")
    assert (
        dict(
            zip([r.algorithm for r in rows], [r.values["ndcg_at_100"] for r in rows], strict=True)
        )["EASE"]
        == 0.420
    )
    told = content(*RESULTS)
    config = told.config.model_copy(update={"k": (100, 20, 50)})
    shown = dataclasses.replace(told, config=config, protocol="ml20m_users", published=rows)
    keys = [column.key for column in shown.columns]
    assert {"recall_capped_at_20", "recall_capped_at_50"} < set(keys) and len(set(keys)) == len(
        keys
    )
    assert "| EASE | 0.420 | 0.391 | 0.521 |" in page.leaderboard(shown)
    assert "recall_capped_at_20" not in [column.key for column in told.columns]


def test_the_best_models_of_every_cohort() -> None:
    cohorts = pd.DataFrame(
        {
            "by": ["genre", "genre", "decade"],
            "cohort": ["Drama", "War", "1990s"],
            "n_test": [50, 10, 60],
            "rmse": [0.9, 1.1, 0.95],
            "ndcg_at_10": [0.1, np.nan, 0.2],
        }
    )
    ranks = dataclasses.replace(RESULTS[2], cohorts=cohorts.assign(rmse=np.nan, ndcg_at_10=0.15))
    poor = dataclasses.replace(RESULTS[1], cohorts=cohorts.assign(rmse=2.0))
    shown = [dataclasses.replace(RESULTS[0], cohorts=cohorts), poor, ranks]
    table = dataclasses.replace(content(*RESULTS), results=shown).cohort_table
    assert table.titles == ["by", "cohort", "test ratings", "best", "nDCG@10", "best", "RMSE"]
    assert table.rows == [
        ["genre", "Drama", "50", "popularity", "0.1500", "svd", "0.9000"],
        ["genre", "War", "10", "—", "—", "svd", "1.1000"],
        ["decade", "1990s", "60", "svd", "0.2000", "svd", "0.9500"],
    ]
    alone = dataclasses.replace(content(*RESULTS), results=[ranks]).cohort_table
    assert alone.titles == ["by", "cohort", "test ratings", "best", "nDCG@10"]
    assert content(*RESULTS).cohort_table.rows == []


def test_a_card_says_what_the_module_of_the_model_is() -> None:
    about = _about("reelbench.models.markov")
    assert about.startswith("what is rated soon after what") and about.endswith(".")
    assert _about("reelbench.models.blend").startswith("other models side by side")
    assert _about("reelbench.models.none_of_that_name") == _about("nothing.at.all") == ""
    assert _about("") == ""


ROWS = {system.system: len(system.rows) for system in systems().values()}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths.REPLICATION.mkdir(parents=True)
    drawn = replicated.Result(shown="Bars of <three>.", files=(str(PICTURE),))
    figure = replicated.Result(same={"rmse": replicated.Spread(mean=1.25)})
    rows = {"d_figure": drawn, "d_dnn": figure}
    replicated.write(replicated.Report(preset="tmdb_titles", rows=rows))
    tables.write()


def test_every_system_with_its_rows(written: None) -> None:
    found = {replication.system[0]: replication for replication in read_replications()}
    assert {name: len(replication.rows) for name, replication in found.items()} == ROWS
    assert list(ROWS) == list("ABCDE")
    assert [row["files"] for row in found["D"].rows if row["files"]] == [str(PICTURE)]
    # drawn elsewhere: git does not keep the picture
    assert found["D"].pictures == []
    assert {row["verdict"] for row in found["A"].rows} == {"not run"}


def test_the_page_shows_them_with_the_pictures_of_this_checkout(written: None) -> None:
    PICTURE.parent.mkdir(parents=True)
    PICTURE.write_bytes(b"\x89PNG made up")
    shown = dataclasses.replace(content(result("bias", 0.9)), replications=read_replications())
    html = page.render(shown, {})
    assert "RMSE 1.2500" in html and "Bars of &lt;three&gt;." in html
    assert base64.b64encode(b"\x89PNG made up").decode() in html
    assert html.count("<code>d_") == ROWS["D"]
    assert html.count("not run: ") == sum(ROWS.values()) - 2


def test_nothing_replicated(tmp_path: Path) -> None:
    assert read_replications(tmp_path / "table.csv") == []
    assert 'id="replication"' not in page.render(content(result("bias", 0.9)), {})
