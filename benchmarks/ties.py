"""What the order within equal timestamps is worth on MovieLens 100K, each user's last rating out.

    python benchmarks/ties.py FOLDER [--draws 5] [--models popularity ials markov sasrec]

FOLDER is the `data/clean` of a project on MovieLens 100K. Of ratings of one user in the same second
any could be the last. Printed are how many users have such a tie at the end, and for each way to
break ties nDCG@10 and recall@10 on test with the parameters of conf/models: by `item_idx`
ascending (the split `leave_one_out`) and descending, by the row of the source, and at random. A tie
decides which rating is test, which is valid, and what a sequential model takes for the latest.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from reelbench.data.interactions import Ids, Interactions, Parts
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.evaluate import evaluate
from reelbench.models.base import ModelEntry
from reelbench.models.shared.user_items import age
from reelbench.seeds import pin_runtime, seed_for

MODELS = Path(__file__).parents[1] / "conf" / "models"
THREADS, SEED = 2, 42
METRICS = ("ndcg_at_10", "recall_at_10")


def orders(
    source_row: np.ndarray, item: np.ndarray, draws: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Ways to break ties, and the numbers that do."""
    yield "item_idx ascending", item
    yield "item_idx descending", -item
    yield "row of the source", source_row
    for seed in range(draws):
        yield "random", np.random.default_rng(seed).permutation(len(item))


def parts_of(ratings: Interactions, tie: np.ndarray) -> Parts:
    """Each user's last rating is test, the one before it valid.

    The place of a rating is its time then, so that models see the same order.
    """
    order = np.lexsort((tie, ratings.timestamp, ratings.user_idx))
    rows = ratings.select(order)
    later = age(rows.user_idx)
    rows = replace(rows, timestamp=np.arange(len(rows)))
    return Parts(rows.select(later > 1), rows.select(later == 1), rows.select(later == 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--models", nargs="+", default=["popularity", "ials", "markov", "sasrec"])
    arguments = parser.parse_args()
    pin_runtime(THREADS)
    rows = Interactions.from_parquet(arguments.folder / "interactions.parquet")
    source_row = np.load(arguments.folder / "source_row.npy")
    scale = float(rows.rating.min()), float(rows.rating.max())
    rows = replace(rows, ids=Ids(rows.user_idx.max() + 1, rows.item_idx.max() + 1, *scale))
    ordered = rows.select(np.lexsort((rows.timestamp, rows.user_idx)))
    later, time = age(ordered.user_idx), ordered.timestamp
    for name, place in (("last", 1), ("last but one", 2)):
        tied = (later[:-1] == place) & (time[:-1] == time[1:])
        print(f"tie of the {name} rating with the one after it: {tied.sum()} users")
    same = (ordered.user_idx[:-1] == ordered.user_idx[1:]) & (time[:-1] == time[1:])
    print(f"ratings in the second of another one: {np.append(same, False).sum()} of {len(rows)}")
    found: dict[tuple[str, str], list[list[float]]] = {}
    for way, tie in orders(source_row, rows.item_idx.astype(np.int64), arguments.draws):
        parts = parts_of(rows, tie)
        for name in arguments.models:
            section = yaml.safe_load((MODELS / f"{name}.yaml").read_text("utf-8"))["models"][name]
            entry = ModelEntry(**section)
            model = entry.create(name, seed=seed_for(SEED, "train", name), threads=THREADS)
            model.fit(parts.train, parts.valid)
            values = evaluate(model, parts, EvaluateConfig(bootstrap_samples=1)).metrics
            found.setdefault((name, way), []).append([values[metric] for metric in METRICS])
            print(f"{name}, {way}: {found[name, way][-1]}", flush=True)
    print("\n| model | ties | nDCG@10 | recall@10 |\n|---|---|---:|---:|")
    for (name, way), values in sorted(found.items()):
        mean, spread = np.mean(values, axis=0), np.std(values, axis=0, ddof=min(1, len(values) - 1))
        texts = [
            f"{m:.4f} ± {s:.4f}" if len(values) > 1 else f"{m:.4f}"
            for m, s in zip(mean, spread, strict=True)
        ]
        print(f"| `{name}` | {way} | {' | '.join(texts)} |")


if __name__ == "__main__":
    main()
