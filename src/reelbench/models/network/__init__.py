"""Keras networks on embeddings and features of users and items; each variant is a configuration.

With `combine: dot`, the default (`mf`, `dnn`, `glove`, `finetune`, `hybrid`, `demographic`):

    rating = mean + b_u + b_i + p_u·q_i + dense([p_u, q_i, p_u ∘ q_i])

The damped biases b (`shared/biases.py`) are fixed tables, and the network learns the residual:
trainable biases under Adam overfit rare items. q_i is an embedding of the item plus a projection of
its features, and so is p_u.

With `combine: concat` (the published networks, over `conf/models/_published.yaml`):

    rating = dense(… dense([e_u, e_i, e_1, …, features of u, features of i]))

The first dense layer is the sum of what user and item add to it, so that ranking a catalogue takes
one pass per user and per item, and only the layers above it per pair. Features of a pair
(`features/tfidf.py`) come with every rating, and take a pass each. The embedding of a user or
item without a rating in train is zeros; whole embeddings can be dropped in training
(`embedding_dropout`), so that the network learns to do without.
"""

from reelbench.models.network.config import NetworkConfig
from reelbench.models.network.recommender import Network

__all__ = ["Network", "NetworkConfig"]
