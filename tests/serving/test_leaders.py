from __future__ import annotations

from pathlib import Path

import pandas as pd

from reelbench.serving.leaders import ndcg


def test_the_smallest_cutoff_counts_and_intervals_do_not(tmp_path: Path) -> None:
    file = tmp_path / "leaderboard.csv"
    table = {"model": ["a", "b"], "ndcg_at_20": [9.0, 9.0], "ndcg_at_5_low": [8.0, 8.0]}
    pd.DataFrame({**table, "ndcg_at_5": [0.2, None], "rmse": [1.0, 1.0]}).to_csv(file, index=False)
    assert ndcg(file) == {"a": 0.2}


def test_no_file_or_no_ranking_metric(tmp_path: Path) -> None:
    assert ndcg(tmp_path / "none.csv") == {}
    pd.DataFrame({"model": ["a"], "rmse": [1.0]}).to_csv(tmp_path / "x.csv", index=False)
    assert ndcg(tmp_path / "x.csv") == {}
