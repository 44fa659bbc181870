"""What the app shows of the reports."""

from __future__ import annotations

import json
from pathlib import Path

from reelbench import paths
from reelbench.serving.app.measured import figures, leaderboard, on_test, wrong


def write(folder: Path, text: str) -> Path:
    (folder / paths.REPORTS).mkdir(exist_ok=True)
    (folder / paths.LEADERBOARD_CSV).write_text(text)
    return folder


def test_the_leaderboard_in_the_order_of_lists(tmp_path: Path) -> None:
    head = "model,auc,mae,ndcg_at_10,ndcg_at_10_low,ndcg_at_5,rmse,rmse_low"
    rows = "a,1,0.7,0.1,0,0.2,0.9,0\nb,1,,0.4,0,0.3,,"
    table = leaderboard(write(tmp_path, f"{head}\n{rows}\n"))
    assert list(table) == ["model", "RMSE", "MAE", "nDCG@5", "nDCG@10"]
    assert table["model"].tolist() == ["b", "a"] and table["RMSE"].isna().tolist() == [True, False]


def test_faults_of_the_protocol_are_told_with_every_figure(tmp_path: Path) -> None:
    both = "drop_cold_items score_train_rows"
    table = leaderboard(write(tmp_path, f"model,faults,ndcg_at_10,rmse\na,{both},0.1,0.5\n"))
    assert list(table) == ["model", "faults", "RMSE", "nDCG@10"]
    assert figures(table) == ["RMSE", "nDCG@10"] and table["faults"].tolist() == [both]
    told = wrong(table)
    assert told.startswith("Not an honest protocol") and all(name in told for name in both.split())
    (tmp_path / paths.METRICS).mkdir()
    metrics = {"rmse": 0.5, "faults": {"score_train_rows": True}}
    (tmp_path / paths.metrics("a")).write_text(json.dumps(metrics))
    (tmp_path / paths.metrics("b")).write_text(json.dumps({"rmse": 0.9}))
    assert on_test(tmp_path, "a").startswith("on test: RMSE 0.500. Not an honest protocol.")
    assert "score_train_rows" in on_test(tmp_path, "a")
    assert on_test(tmp_path, "b") == "on test: RMSE 0.900"


def test_an_honest_leaderboard_has_nothing_to_warn_of(tmp_path: Path) -> None:
    assert wrong(leaderboard(write(tmp_path, "model,rmse\na,1.0\n"))) == ""
    assert wrong(leaderboard(tmp_path / "nowhere")) == ""


def test_the_page_warns_above_a_leaderboard_with_faults(tmp_path: Path) -> None:
    import gradio as gr

    from reelbench.serving.app import layout

    write(tmp_path, "model,faults,rmse\na,own_test_items_only,0.5\n")
    with gr.Blocks() as page:
        layout._leaderboard(tmp_path)
    shown = [block for block in page.blocks.values()]
    texts = [block.value for block in shown if isinstance(block, gr.Markdown)]
    assert any("Not an honest protocol" in str(text) for text in texts)
    (table,) = (block for block in shown if isinstance(block, gr.Dataframe))
    assert table.datatype == ["str", "str", "number"]


def test_without_reports(tmp_path: Path) -> None:
    assert leaderboard(tmp_path).empty and on_test(tmp_path, "svd") == ""


def test_without_metrics_of_lists(tmp_path: Path) -> None:
    assert leaderboard(write(tmp_path, "model,rmse\na,1.0\n")).columns.tolist() == ["model", "RMSE"]
