"""The app on a small project with a tiny network: `python small_app.py FOLDER PORT TITLE`.

TITLE is that of movie 12, which is the most like movie 0.

Every address that the process connects to or looks up is a line of FOLDER/connections.txt.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from serving_samples import BOARD, IDS, N_USERS, blocks, models, train, write_project

from reelbench import paths
from reelbench.cli import app
from reelbench.features.block import Catalogue, Features, write_block
from reelbench.features.categories import DemographicsBlock
from reelbench.files import write_json
from reelbench.models.network import Network

_NETWORK = {
    **{"factors": 3, "user_hidden": [4], "item_hidden": [], "hidden": [], "head": "linear"},
    **{"loss": "mse", "init_std": 0.2, "epochs": 1, "patience": 1, "batch_size": 64},
    **{"learning_rate": 0.03, "regularization": 0.001, "feature_regularization": 1e-5},
    **{"embedding_damping": 1.0, "embedding_dropout": 0.0, "dropout": 0.0, "title_scale": 1.0},
    **{"train_vectors": False, "user_damping": 5.0, "item_damping": 5.0},
    "prior_regularization": 2.0,
}


def main(folder: Path, port: str, title: str) -> None:
    """Make the project and serve it."""
    write_project(folder, models())
    write_title(folder, title)
    write_network(folder)
    write_reports(folder)
    os.chdir(folder)
    log = (folder / "connections.txt").open("a", buffering=1)

    def watch(event: str, args: tuple[object, ...]) -> None:
        if event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
            log.write(f"{args[1][0]}\n")
        if event == "socket.getaddrinfo":
            log.write(f"{args[0]}\n")

    sys.addaudithook(watch)
    app(["app", "--port", port])


def write_title(folder: Path, title: str) -> None:
    """Another one than the made-up titles."""
    items = pd.read_parquet(folder / paths.ITEMS)
    items.loc[12, "title"] = title
    items.to_parquet(folder / paths.ITEMS)


def write_network(folder: Path) -> None:
    """Users with demographics, and a network that has learned from them."""
    numbers = np.arange(N_USERS)
    users = pd.read_parquet(folder / paths.USERS).assign(
        age=20 + numbers,
        gender=np.array(["F", "M"])[numbers % 2],
        occupation=np.array(["artist", "doctor", "student"])[numbers % 3],
        zip_code=[f"{number % 4}0000" for number in numbers],
    )
    users.to_parquet(folder / paths.USERS)
    part = train()
    catalogue = Catalogue(IDS, pd.DataFrame(index=range(IDS.n_items)), users, pd.DataFrame(), part)
    known = DemographicsBlock(zip_digits=1, min_users=1).build(catalogue)
    write_block(known, folder / paths.feature_block("demographics"))
    features = Features(IDS, {"demographics": known, "genres": blocks()["genres"]})
    Network(seed=1, **_NETWORK).fit(part, part, features).save(folder / paths.model_dir("net"))
    inputs = {"features": {"demographics": "", "genres": ""}}
    write_json(folder / paths.model_dir("net") / "inputs.json", inputs)


def write_reports(folder: Path) -> None:
    """Metrics as of an evaluation."""
    for name, value in BOARD.items():
        (folder / paths.metrics(name)).parent.mkdir(parents=True)
        (folder / paths.metrics(name)).write_text(f'{{"rmse": 0.9, "ndcg_at_10": {value}}}')


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
