"""How good the models are, from the reports of the run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reelbench import paths
from reelbench.files import read_json

_MODEL = "model"
_DIGITS = 4
# columns of the leaderboard that the app shows, by the beginning of their names
_SHOWN = {
    "rmse": "RMSE",
    "mae": "MAE",
    "ndcg_at_": "nDCG@",
    "recall_at_": "recall@",
    "hit_rate_at_": "hit rate@",
    "coverage_at_": "coverage@",
}


def on_test(root: Path, model: str) -> str:
    """RMSE and nDCG of a model on the test part in words; empty where it was not evaluated."""
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
    told = {name: label for name in table.columns if (label := _label(name))}
    found = table[[_MODEL, *told]].rename(columns=told).round(_DIGITS)
    order = [label for label in told.values() if label.startswith("nDCG@")][:1]
    return found.sort_values(order, ascending=False) if order else found


def _label(column: str) -> str:
    """As the reports head it; empty for a column that is not shown."""
    for start, label in _SHOWN.items():
        cutoff = column.removeprefix(start)
        if column == start or (start.endswith("_at_") and cutoff.isdigit()):
            return label if column == start else label + cutoff
    return ""
