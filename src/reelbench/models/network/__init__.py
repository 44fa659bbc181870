"""Models `dnn`, `glove`, `finetune`: one Keras network, told apart by feature blocks and conf.

    rating = mean + b_u + b_i + p_u·q_i + deep(p_u, q_i, p_u ∘ q_i)

The damped effects b are fixed tables (`shared/biases.py`, around a prior from the dense features
and the title), and the network learns what they leave: trainable biases under Adam overfit rare
items. q_i is an embedding of the item plus a projection of its features (genres, year, the
direction of its title's words). Inputs are `user_idx` and `item_idx` alone; features are tables
inside the network, never columns of a rating.

A cold or unknown user or item has an embedding of zeros instead of an untrained one, and whole
embeddings are dropped at random in training, so that the network has learned to do without.
"""

from __future__ import annotations

from reelbench.models.network.recommender import Network

__all__ = ["Network"]
