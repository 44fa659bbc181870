"""What the Keras models share of training and of asking: inputs, batches, the record of epochs."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from reelbench.data.interactions import Interactions

_LOG = logging.getLogger(__name__)

#: pairs that are scored in one call
PAIRS_PER_BATCH = 65_536


def inputs(part: Interactions) -> dict[str, np.ndarray]:
    """Inputs of a network that takes pairs of indices."""
    return {"user_idx": part.user_idx, "item_idx": part.item_idx}


def in_batches(model: Any, *arrays: np.ndarray) -> np.ndarray:
    """Output for arrays of equal length, without the set-up time of Keras' own `predict`."""
    import keras

    outputs = []
    for start in range(0, len(arrays[0]), PAIRS_PER_BATCH):
        batch = [array[start : start + PAIRS_PER_BATCH] for array in arrays]
        output = model(batch if len(batch) > 1 else batch[0], training=False)
        outputs.append(keras.ops.convert_to_numpy(output))
    return np.concatenate(outputs)


def scores_of_pairs(head: Any, users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """What `head` makes of every row of `users` with every row of `items`.

    Args:
        users: float32 (n, d), what the tower of users says of each.
        items: float32 (n_items, e), likewise.

    Returns:
        float32 (n, n_items).
    """
    n_items = len(items)
    step = max(1, PAIRS_PER_BATCH // n_items)
    rows = [
        in_batches(head, np.repeat(chunk, n_items, axis=0), np.tile(items, (len(chunk), 1)))
        for chunk in np.split(users, range(step, len(users), step))
    ]
    return np.concatenate(rows).reshape(len(users), n_items)


def record(history: list[dict[str, float]]) -> Any:
    """Callback that keeps and logs the errors of every epoch.

    `train_loss` and `valid_loss` are the metric `rmse`; `train_mae` and `valid_mae` are there for a
    model that is compiled with a metric `mae`. Those of train are the mean over an epoch's batches,
    dropout on; those of valid are missing without valid ratings.
    """
    import keras

    names = {"rmse": "loss", "mae": "mae"}

    def end_of_epoch(epoch: int, logs: dict[str, float]) -> None:
        row: dict[str, float] = {"epoch": epoch + 1}
        for metric, name in names.items():
            for part, prefix in (("train", ""), ("valid", "val_")):
                if prefix + metric in logs:
                    row[f"{part}_{name}"] = logs[prefix + metric]
        history.append(row)
        losses = ", ".join(f"{name} {value:.4f}" for name, value in list(row.items())[1:])
        _LOG.info("epoch %d: %s", epoch + 1, losses)

    return keras.callbacks.LambdaCallback(on_epoch_end=end_of_epoch)
