"""How good the models are, from the reports of the run."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from reelbench import paths
from reelbench.faults import parse, warning
from reelbench.files import read_json

_MODEL, _FAULTS = "model", "faults"
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

    Where the protocol had faults, they are named.
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
    wrong = warning(parse(metrics.get(_FAULTS, ())))
    return f"on test: {', '.join(told)}" + (f". {wrong}" if wrong else "")


def leaderboard(root: Path) -> pd.DataFrame:
    """The main columns of the leaderboard, the best order first; empty without a leaderboard.

    The second column is `faults` where the protocol had any.
    """
    file = root / paths.LEADERBOARD_CSV
    if not file.is_file():
        return pd.DataFrame({_MODEL: []})
    table = pd.read_csv(file)
    told: dict[str, str] = {}
    for start, label in _SHOWN.items():
        told |= _labels(list(table.columns), start, label)
    names = [name for name in (_MODEL, _FAULTS) if name in table]
    found = table[[*names, *told]].rename(columns=told)
    order = [label for label in told.values() if label.startswith("nDCG@")][:1]
    return found.sort_values(order, ascending=False, ignore_index=True) if order else found


def figures(table: pd.DataFrame) -> list[str]:
    """Columns of a leaderboard that are numbers."""
    return [name for name in table.columns if name not in (_MODEL, _FAULTS)]


def wrong(table: pd.DataFrame) -> str:
    """What is wrong with the protocol of a leaderboard; empty for an honest one."""
    rows = table[_FAULTS].dropna() if _FAULTS in table else ()
    return warning(parse({name for names in rows for name in str(names).split()}))


def _labels(columns: list[str], start: str, label: str) -> dict[str, str]:
    """Columns of one metric, at every cutoff that there is, and what the reports head them with."""
    if not start.endswith("_at_"):
        return {start: label} if start in columns else {}
    ends = [column.removeprefix(start) for column in columns if column.startswith(start)]
    return {start + end: label + end for end in sorted(filter(str.isdigit, ends), key=int)}
