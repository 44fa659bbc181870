from __future__ import annotations

from typing import Any

import numpy as np
from contracts import IDS, TRAIN, RecommenderContract
from scipy import sparse
from scipy.optimize import approx_fprime

from reelbench.features.block import Features
from reelbench.models.lightgcn import LightGCN, LightGCNConfig, LightGCNLearner
from reelbench.models.shared.user_items import preferences

PARAMETERS: dict[str, Any] = {
    "factors": 4,
    "epochs": 60,
    "learning_rate": 0.05,
    "rating_power": 2.0,
    "bags": 2,
}


class TestLightGCN(RecommenderContract):
    model_class = LightGCN
    fold_in = "close"
    parameters = PARAMETERS


def learner(**changed: Any) -> tuple[LightGCNLearner, np.ndarray, np.ndarray]:
    """A fitted one, its matrix, and the matrix of its graph, users before movies."""
    config = LightGCNConfig(**{**PARAMETERS, **changed})
    matrix = preferences(TRAIN, IDS, 1.0)
    found = LightGCNLearner(config, seed=3)
    found.fit(sparse.csr_matrix(matrix))
    dense = matrix.toarray().astype(float)
    size = sum(dense.shape)
    graph = np.zeros((size, size))
    graph[: len(dense), len(dense) :] = dense
    graph += graph.T
    root = np.sqrt(np.maximum(graph.sum(axis=1), 1e-9))
    return found, dense, graph / root[:, None] / root


def means(graph: np.ndarray, vectors: np.ndarray, layers: int) -> np.ndarray:
    powers = [np.linalg.matrix_power(graph, layer) for layer in range(layers + 1)]
    return sum(powers) @ vectors / (layers + 1)


def test_layers_are_powers_of_the_graph() -> None:
    found, dense, graph = learner(layers=3)
    vectors = np.random.default_rng(0).normal(size=(len(graph), 4)).astype(np.float32)
    users, items, _ = found._means(vectors[: len(dense)], vectors[len(dense) :])
    np.testing.assert_allclose(np.vstack([users, items]), means(graph, vectors, 3), atol=1e-5)


def test_the_gradient_is_that_of_the_cross_entropy() -> None:
    found, dense, graph = learner(layers=2)
    n_users = len(dense)
    vectors = np.random.default_rng(0).normal(size=(len(graph), 2))

    def loss(flat: np.ndarray) -> float:
        ranked = means(graph, flat.reshape(-1, 2), 2)
        logits = ranked[:n_users] @ ranked[n_users:].T
        shares = np.exp(logits) / np.exp(logits).sum(axis=1)[:, None]
        return float(-(dense * np.log(shares)).sum() / dense.sum())

    expected = approx_fprime(vectors.ravel(), loss, 1e-6).reshape(-1, 2)
    users, items, _ = found._means(*np.split(vectors.astype(np.float32), [n_users]))
    slopes = found._slopes(users, items, sparse.csr_array(dense.astype(np.float32)))
    np.testing.assert_allclose(np.vstack(found._means(*slopes)[:2]), expected, atol=2e-5)


def test_a_new_user_is_a_node_without_a_vector_of_its_own() -> None:
    model = LightGCN(seed=3, **{**PARAMETERS, "bags": 1, "layers": 1}).fit(
        TRAIN, TRAIN, Features(IDS)
    )
    one = model.fold_in([0, 2], [5.0, 3.0]).user_rows([-1])[0]
    chosen = preferences(TRAIN, IDS, 2.0).toarray()
    values = np.array([1.0, (0.2 + 0.8 * 0.5) ** 2])
    # the movies' means over two layers are those of the first layer and of the users'
    entry = values / np.sqrt(values.sum() * chosen.sum(axis=0)[[0, 2]])
    first = model._sources * np.sqrt(np.maximum(chosen.sum(axis=0), 1e-9))[:, None]
    np.testing.assert_allclose(one, entry @ first[[0, 2]], rtol=1e-4)


def test_a_movie_without_a_rating_comes_last() -> None:
    model = LightGCN(seed=3, **PARAMETERS).fit(TRAIN, TRAIN, Features(IDS))
    scores = model.score(np.arange(-1, 20))
    assert (scores[:, -2:] == scores.min(axis=1)[:, None]).all()
