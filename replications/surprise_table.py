"""What Surprise's algorithms cost and how far off they are: cross-validated, as a table and a map.

Each runs with the library's own parameters on the same folds of a sample. This is a look at the
library and no leaderboard: the folds are random, so that a user's future is in train.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reelbench.columns import ITEM_IDX, RATING, USER_IDX
from reelbench.files import atomic
from reelbench.reporting import figures
from reelbench.seeds import generator, seed_everything, seed_for

ALGORITHMS = (
    "NormalPredictor",
    "BaselineOnly",
    "KNNBasic",
    "KNNWithMeans",
    "KNNBaseline",
    "SVD",
    "NMF",
    "SlopeOne",
    "CoClustering",
)
ALGORITHM = "algorithm"
RMSE, MAE, FIT, TEST = "rmse", "mae", "fit_seconds", "test_seconds"
_THEIRS = {"test_rmse": RMSE, "test_mae": MAE, "fit_time": FIT, "test_time": TEST}
_TITLES = {RMSE: "RMSE", MAE: "MAE", FIT: "fit, s", TEST: "test, s"}
# Surprise's neighbours keep five arrays of 8 bytes per two users: 1 GB
MOST_USERS = 5_000


def sample(interactions: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """At most so many ratings, by chance, of at most `MOST_USERS` users: in their old order.

    Args:
        interactions: with `user_idx`, `item_idx`, `rating`.
    """
    rng = generator(seed, "surprise_table", "sample")
    users = np.unique(interactions[USER_IDX])
    if len(users) > MOST_USERS:
        chosen = rng.choice(users, MOST_USERS, replace=False)
        interactions = interactions[interactions[USER_IDX].isin(chosen)]
    kept = np.sort(rng.permutation(len(interactions))[:rows])
    return interactions.iloc[kept][[USER_IDX, ITEM_IDX, RATING]].reset_index(drop=True)


def surprise_table(
    ratings: pd.DataFrame,
    scale: tuple[float, float],
    folds: int,
    seed: int,
    algorithms: tuple[str, ...] = ALGORITHMS,
) -> pd.DataFrame:
    """Error and seconds per algorithm, means over the folds, and the spread of the RMSE.

    Args:
        ratings: a sample, see `sample`.
        scale: lowest and highest rating.
        folds: number of random folds, the same ones for all.

    Returns:
        A row per algorithm, best RMSE first: `algorithm`, `rmse`, `rmse_std` (over folds), `mae`,
        `fit_seconds`, `test_seconds`. The seconds differ from run to run.

    Raises:
        ValueError: there are fewer ratings than folds.
    """
    from surprise import Dataset, Reader
    from surprise.model_selection import KFold

    if len(ratings) < folds:
        raise ValueError(f"{len(ratings)} ratings cannot be divided into {folds} folds")
    data = Dataset.load_from_df(ratings[[USER_IDX, ITEM_IDX, RATING]], Reader(rating_scale=scale))
    rows = []
    for name in algorithms:
        seed_everything(seed_for(seed, "surprise_table", name))  # NormalPredictor takes no seed
        cv = KFold(folds, random_state=seed_for(seed, "surprise_table", "folds"))
        rows.append({ALGORITHM: name, **_validated(_algorithm(name, seed), data, cv)})
    return pd.DataFrame(rows).sort_values(RMSE, kind="stable", ignore_index=True)


def _algorithm(name: str, seed: int) -> Any:
    """Surprise's algorithm with its own parameters; a seed where it takes one."""
    import surprise

    kind = getattr(surprise, name)
    if name in {"SVD", "NMF", "CoClustering"}:
        return kind(random_state=seed_for(seed, "surprise_table", name))
    if name.startswith("KNN"):
        return kind(verbose=False)
    return kind(verbose=False) if name == "BaselineOnly" else kind()


def _validated(algorithm: Any, data: Any, cv: Any) -> dict[str, float]:
    from surprise.model_selection import cross_validate

    found = cross_validate(algorithm, data, ["rmse", "mae"], cv, n_jobs=1, verbose=False)
    means = {ours: float(np.mean(found[theirs])) for theirs, ours in _THEIRS.items()}
    return {RMSE: means[RMSE], "rmse_std": float(np.std(found["test_rmse"], ddof=1))} | means


def heat_map(table: pd.DataFrame) -> Figure:
    """Algorithms by columns; a colour is the place between the best and the worst of its column.

    Seconds are coloured by their logarithm, since they differ by factors.
    """
    values = table[list(_TITLES)].to_numpy(np.float64)
    colour = values.copy()
    colour[:, 2:] = np.log10(np.maximum(values[:, 2:], 1e-4))
    low, high = colour.min(axis=0), colour.max(axis=0)
    colour = (colour - low) / np.where(high > low, high - low, 1.0)
    figure, (axes,) = figures.new(0.9 + 0.3 * len(values))
    axes.imshow(colour, cmap="Blues", aspect="auto", vmin=-0.1, vmax=1.2)
    axes.set_xticks(range(len(_TITLES)), list(_TITLES.values()))
    axes.set_yticks(range(len(values)), list(table[ALGORITHM]))
    axes.grid(False)
    axes.tick_params(length=0)
    for (row, column), value in np.ndenumerate(values):
        ink = "white" if colour[row, column] > 0.6 else "black"
        text = f"{value:.4f}" if column < 2 else f"{value:.2f}"
        axes.text(column, row, text, ha="center", va="center", color=ink)
    axes.set_title("Surprise's algorithms, cross-validated")
    return figure


def write(table: pd.DataFrame, folder: Path) -> None:
    """Write `surprise.csv` and `surprise.png`."""
    with atomic(folder / "surprise.csv") as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n", float_format="%.6g")
    with figures.style():
        picture = figures.png(heat_map(table))
    with atomic(folder / "surprise.png") as temporary:
        temporary.write_bytes(picture)
