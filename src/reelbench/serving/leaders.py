"""How well the models of the leaderboard order movies."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

_METRIC = "ndcg_at_"


def ndcg(leaderboard: Path) -> dict[str, float]:
    """nDCG at the smallest cutoff of the table, by model; nothing for a file that is not there."""
    if not leaderboard.is_file():
        return {}
    table = pd.read_csv(leaderboard)
    names = [name.removeprefix(_METRIC) for name in table.columns if name.startswith(_METRIC)]
    cutoffs = sorted(int(name) for name in names if name.isdigit())
    if not cutoffs:
        return {}
    values = zip(table["model"], table[f"{_METRIC}{cutoffs[0]}"], strict=True)
    return {str(name): float(value) for name, value in values if pd.notna(value)}
