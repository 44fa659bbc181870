"""Networks as published: embeddings and features of a pair side by side, then dense layers.

    rating = dense(… dense([e_u, e_i, e_1, …, features of u, features of i]))

Unlike `models/network/` nothing is subtracted first: no means, no biases. Each published network is
a conf file over `conf/models/_mlp.yaml`. Inputs are `user_idx` and `item_idx` alone; features are
tables inside the network, so that the first dense layer is a sum of what user and item add to it,
and a whole catalogue costs one pass per user and per item, and the upper layers per pair. Only
features of a pair of both (`features/row_tags.py`) come with every rating, and cost it a pass.

An embedding without a row in train is zeros. With `cold: untrained` it keeps the random values that
it began with, as it does in the published networks: a fault that can be switched on.
"""

from __future__ import annotations

from reelbench.models.mlp.recommender import MLP

__all__ = ["MLP"]
