"""A fitted network in NumPy: the outputs of its towers, and its head on every pair of them.

What the first dense layer adds up is linear in the item once the user is known: with `combine: dot`
it is one matrix product for all items,

    [p_u, q_i, p_u ∘ q_i] W = q_i (W_i + diag(p_u) W_p) + p_u W_u

and with `combine: concat` the sum of two rows. Users are divided among threads, each of which takes
memory for the units of one block of items.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy.special import expit
from threadpoolctl import threadpool_limits

from reelbench.models.base import Arrays, Ids
from reelbench.models.network.config import NetworkConfig
from reelbench.parallel import for_row_blocks

MARGIN = 0.02  # biases are held this share of the scale from its ends, whose logits are infinite
# of Keras' BatchNormalization
_EPSILON = np.float32(1e-3)
_HEAD = "head."
_PAIRS, _USERS, _ITEMS = 2_048, 64, 2_048  # multiplied at once: units fit a processor's cache


@dataclass(frozen=True)
class Scorer:
    """Ratings of pairs and of whole catalogues.

    Args:
        users: outputs of the users' tower, float32 (n_users + 1, d), with a baseline and the bias
            in the last column; the last row is for an unknown user, here and below.
        items: outputs of the items' tower, float32 (n_items + 1, d).
        head: arrays of the layers above the towers, by layer and number: `hidden_0.1` is a bias.
    """

    users: np.ndarray
    items: np.ndarray
    head: Arrays
    config: NetworkConfig
    ids: Ids
    threads: int

    @classmethod
    def restored(cls, state: Arrays, config: NetworkConfig, ids: Ids, threads: int) -> Self:
        """Inverse of `state`; arrays of other origin are left out."""
        head = {name.removeprefix(_HEAD): a for name, a in state.items() if name.startswith(_HEAD)}
        return cls(state["tower.user"], state["tower.item"], head, config, ids, threads)

    def state(self) -> Arrays:
        """All arrays by name, to be saved."""
        towers = {"tower.user": self.users, "tower.item": self.items}
        return towers | {_HEAD + name: array for name, array in self.head.items()}

    def pairs(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        """Ratings of pairs, float32 (n,); index -1 is an unknown user or item."""
        ratings = np.empty(len(user_idx), np.float32)

        def rate(rows: slice) -> None:
            users, items = self.users[user_idx[rows]], self.items[item_idx[rows]]
            (p, user_bias), (q, item_bias) = self._split(users), self._split(items)
            ratings[rows] = self._rating(self._learned_of_pairs(p, q), user_bias + item_bias)

        with threadpool_limits(1, "blas"):
            for_row_blocks(rate, len(ratings), block=_PAIRS, threads=self.threads)
        return ratings

    def catalogue(self, user_idx: np.ndarray) -> np.ndarray:
        """Ratings of all items, float32 (n, n_items); index -1 is an unknown user."""
        ratings = np.empty((len(user_idx), len(self.items) - 1), np.float32)

        def rate(rows: slice) -> None:
            p, user_bias = self._split(self.users[user_idx[rows]])
            for start in range(0, ratings.shape[1], _ITEMS):
                some = slice(start, min(start + _ITEMS, ratings.shape[1]))
                q, item_bias = self._split(self.items[some])
                learned = self._learned(p, q)
                ratings[rows, some] = self._rating(learned, user_bias[:, None] + item_bias)

        with threadpool_limits(1, "blas"):
            for_row_blocks(rate, len(ratings), block=_USERS, threads=self.threads)
        return ratings

    def _split(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Outputs of a tower (n, d) as vectors and biases (n,), zeros without a baseline."""
        size = self.config.tower_units
        bias = outputs[:, size] if outputs.shape[1] > size else np.zeros(len(outputs), np.float32)
        return outputs[:, :size], bias

    def _learned(self, p: np.ndarray, q: np.ndarray) -> np.ndarray:
        """What the network learned of every user (n, d) and item (m, d): (n, m)."""
        if self.config.combine == "concat":
            return np.stack([self._above(q + vector) for vector in p])
        learned = p @ q.T
        if self._layers:
            of_user, of_item, of_product = np.split(self.head["hidden_0.0"], 3)
            for row, shift in enumerate(p @ of_user):
                units = q @ (of_item + p[row, :, None] * of_product)
                learned[row] += self._above(np.add(units, shift, out=units))
        return learned

    def _learned_of_pairs(self, p: np.ndarray, q: np.ndarray) -> np.ndarray:
        """What the network learned of pairs of vectors (n, d): (n,)."""
        if self.config.combine == "concat":
            return self._above(p + q)
        learned = np.einsum("nd,nd->n", p, q)
        if self._layers:
            learned += self._above(np.hstack([p, q, p * q]) @ self.head["hidden_0.0"])
        return learned

    def _above(self, units: np.ndarray) -> np.ndarray:
        """Output (n,) for the sums of the first layer (n, k), which are overwritten."""
        if not self._layers:
            return units[:, 0] + self.head["first_bias.0"]
        for number, (scale, shift) in enumerate(self._layers):
            if number:
                units = units @ self.head[f"hidden_{number}.0"]
            if scale is not None:
                units *= scale
            units += shift
            if self.config.activation == "relu":
                np.maximum(units, 0.0, out=units)
        output: np.ndarray = units @ self.head["deep.0"][:, 0] + self.head["deep.1"]
        return output

    def _rating(self, learned: np.ndarray, biases: np.ndarray) -> np.ndarray:
        """Ratings from what the network learned and the biases, of the same shape."""
        if self.config.head == "linear":
            return biases + learned
        low, width = self.ids.rating_min, self.ids.rating_max - self.ids.rating_min
        if self.config.baseline == "biases":
            share = np.clip((biases - low) / width, MARGIN, 1.0 - MARGIN)
            learned = learned + np.log(share) - np.log(1.0 - share)
        return low + width * expit(learned)

    @cached_property
    def _layers(self) -> list[tuple[np.ndarray | None, np.ndarray]]:
        """What sums (n, k) of each layer are multiplied by, None for 1, and what is added then."""
        found: list[tuple[np.ndarray | None, np.ndarray]] = []
        for number in range(len(self.config.hidden)):
            summed = number == 0 and self.config.combine == "concat"
            bias = self.head["first_bias.0" if summed else f"hidden_{number}.1"]
            if self.config.batch_norm:
                gamma, beta, mean, variance = (self.head[f"norm_{number}.{n}"] for n in range(4))
                scale = gamma / np.sqrt(variance + _EPSILON)
                found.append((scale, (bias - mean) * scale + beta))
            else:
                found.append((None, bias))
        return found
