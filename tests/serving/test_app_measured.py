"""What the app shows of the reports."""

from __future__ import annotations

from pathlib import Path

from reelbench import paths
from reelbench.serving.app.measured import leaderboard, on_test


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


def test_without_reports(tmp_path: Path) -> None:
    assert leaderboard(tmp_path).empty and on_test(tmp_path, "svd") == ""


def test_without_metrics_of_lists(tmp_path: Path) -> None:
    assert leaderboard(write(tmp_path, "model,rmse\na,1.0\n")).columns.tolist() == ["model", "RMSE"]
