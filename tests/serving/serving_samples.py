"""A small project after a run: catalogue, ratings, feature blocks, a few trained models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from small_project import N_ITEMS, N_USERS, ratings, write_catalogue, write_ratings

from reelbench import paths
from reelbench.data.interactions import Ids, Interactions
from reelbench.features.block import Block, Features, write_block
from reelbench.features.matrices import sparse_arrays
from reelbench.files import write_json
from reelbench.models.base import Recommender
from reelbench.models.ease import EASE
from reelbench.models.popularity import GlobalMean, Popularity, WeightedMean
from reelbench.models.warp import WARP

IDS = Ids(N_USERS, N_ITEMS, 1.0, 5.0)
# nDCG of the models on the made-up leaderboard: the best is one that cannot take in a new user
BOARD = {"warp": 0.3, "ease": 0.2, "popularity": 0.1, "global_mean": 0.0}


def train() -> Interactions:
    table = ratings()["train"]
    return Interactions.from_arrays(*(table[c] for c in ("user_idx", "item_idx", "rating")))


def blocks(tags: bool = True) -> dict[str, Block]:
    """Movies are similar if their numbers have the same remainder: by 4 genres, by 6 tags."""
    numbers = np.arange(N_ITEMS)
    found: dict[str, Block] = {
        "genres": {
            "genres": np.eye(4, dtype=np.float32)[numbers % 4],
            "names": np.array(list("abcd")),
        },
        "text": {"text": np.eye(6, dtype=np.float32)[numbers % 6]},
    }
    if tags:
        matrix = sparse.csr_array(np.eye(6, dtype=np.float32)[numbers % 6])
        found["tags"] = {**sparse_arrays(matrix), "terms": np.array(list("uvwxyz"))}
        # movies 0 and 5 by p, 1 and 7 by q
        director = np.zeros(N_ITEMS, dtype=np.int32)
        director[[0, 5]], director[[1, 7]] = 1, 2
        director[[2, 4]] = 3
        found["directors"] = {"director": director, "names": np.array(["", "p", "q", "id:r"])}
        # movies 2 and 4 have two actors in common, 3 and 8 three, of whom one has a name
        actors = np.zeros((N_ITEMS, 5), dtype=np.float32)
        actors[[2, 4], :2] = actors[[3, 8], 2:] = 1.0
        actors[2, 4] = 1.0  # movie 2 has one of them too
        found["cast"] = {
            **sparse_arrays(sparse.csr_array(actors)),
            "terms": np.array(["id:s", "id:t", "Tom Hanks", "id:u", "id:v"]),
            "roles": np.array(["cast"] * 5),
        }
    return found


def models() -> dict[str, Recommender]:
    """Fitted to `train`."""
    part, features = train(), Features(IDS)
    warp = {"factors": 4, "epochs": 30, "bags": 1, "learning_rate": 0.05, "regularization": 0.0}
    draws = {"max_draws": 5, "draw_power": 0.0, "batch_size": 64, "min_rating": 4.0}
    made: dict[str, Recommender] = {
        "warp": WARP(seed=1, **warp, **draws),
        "ease": EASE(seed=1, regularization=5.0, rating_power=1.0, max_side=99),
        "popularity": Popularity(seed=1),
        "global_mean": GlobalMean(seed=1),
        "weighted_mean": WeightedMean(seed=1, prior_votes=5.0),
    }
    return {name: model.fit(part, part, features) for name, model in made.items()}


def write_project(
    folder: Path, given: Mapping[str, Recommender], tags: bool = True, board: bool = True
) -> None:
    """Everything that a library reads, below a folder."""
    write_catalogue(folder)
    write_ratings(folder, ratings())
    for name, block in blocks(tags).items():
        (folder / paths.FEATURES).mkdir(parents=True, exist_ok=True)
        write_block(block, folder / paths.feature_block(name))
    for name, model in given.items():
        model.save(folder / paths.model_dir(name))
        write_json(folder / paths.model_dir(name) / "inputs.json", {"features": {}})
    if board:
        (folder / paths.REPORTS).mkdir(exist_ok=True)
        table = pd.DataFrame({"model": list(BOARD), "ndcg_at_10": list(BOARD.values())})
        table.to_csv(folder / paths.LEADERBOARD_CSV, index=False)
