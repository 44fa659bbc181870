"""EASE of Cornac on a split that `reelbench export-split` wrote, and its rankings as a CSV file.

    python cornac_ease.py FOLDER RUN.csv

FOLDER has train.csv and valid.csv; the model learns from train, as ours do, and leaves out what a
user has in either.
"""

import csv
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from cornac.data import Dataset
from cornac.models import EASE

TOP = 100


def main(folder: Path, target: Path) -> None:
    """Train and write `user_id`, `item_id`, `score`: the best movies of each user."""
    start, cpu = time.perf_counter(), time.process_time()
    rows, known = [], defaultdict(set)
    for part in ("train", "valid"):
        with (folder / f"{part}.csv").open(newline="") as stream:
            for row in csv.DictReader(stream):
                known[row["user_id"]].add(row["item_id"])
                if part == "train":
                    rows.append((row["user_id"], row["item_id"], 1.0))
    train = Dataset.from_uir(rows, seed=1)
    model = EASE(lamb=300, posB=False, verbose=False).fit(train)
    seconds = f"train_seconds={time.perf_counter() - start:.2f}"
    print(f"--cost {seconds} --cost cpu_seconds={time.process_time() - cpu:.2f}")
    items = list(train.item_ids)
    with target.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["user_id", "item_id", "score"])
        for user, index in train.uid_map.items():
            scores = np.asarray(model.score(index)).ravel()
            order = [item for item in (-scores).argsort() if items[item] not in known[user]]
            writer.writerows([user, items[item], float(scores[item])] for item in order[:TOP])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
