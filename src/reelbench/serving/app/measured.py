"""How good the models are, from the reports of the run."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from reelbench import paths
from reelbench.files import read_json

_MODEL = "model"
# columns of the leaderboard that the app shows, by the beginning of their names
_SHOWN = {
    "rmse": "RMSE",
    "mae": "MAE",
    "ndcg_at_": "nDCG@",
    "recall_at_": "recall@",
    "hit_rate_at_": "hit rate@",
    "coverage_at_": "coverage@",
}


@cache
def on_test(root: Path, model: str) -> str:
    """RMSE and nDCG of a model on the test part in words; empty where it was not evaluated.

    Read once: a busy disk may take a second for a small file.
    """
    file = root / paths.metrics(model)
    if not file.is_file():
        return ""
    metrics = read_json(file)
    rmse = metrics.get("rmse")
    told = ["predicts no ratings, so has no RMSE" if rmse is None else f"RMSE {rmse:.3f}"]
    cutoffs = sorted(int(n.rpartition("_")[2]) for n in metrics if n.startswith("ndcg_at_"))
    told += [f"nDCG@{k} {metrics[f'ndcg_at_{k}']:.3f}" for k in cutoffs[:1]]
    return f"on test: {', '.join(told)}"


def leaderboard(root: Path) -> pd.DataFrame:
    """The main columns of the leaderboard, the best order first; empty without a leaderboard."""
    file = root / paths.LEADERBOARD_CSV
    if not file.is_file():
        return pd.DataFrame({_MODEL: []})
    table = pd.read_csv(file)
    told: dict[str, str] = {}
    for start, label in _SHOWN.items():
        told |= _labels(list(table.columns), start, label)
    found = table[[_MODEL, *told]].rename(columns=told)
    order = [label for label in told.values() if label.startswith("nDCG@")][:1]
    return found.sort_values(order, ascending=False, ignore_index=True) if order else found


def _labels(columns: list[str], start: str, label: str) -> dict[str, str]:
    """Columns of one metric, at every cutoff that there is, and what the reports head them with."""
    if not start.endswith("_at_"):
        return {start: label} if start in columns else {}
    ends = [column.removeprefix(start) for column in columns if column.startswith(start)]
    return {start + end: label + end for end in sorted(filter(str.isdigit, ends), key=int)}
