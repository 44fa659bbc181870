"""Model `st`: sentence embeddings of items, a ridge regression over items and one more per user.

Biases of items shrink towards a ridge regression, linear or with a kernel, from an item's features
to its bias, so that a cold item starts from what its text says (`shared/biases.py`). The residuals
of a user's ratings are regressed on the features of the rated items: w_u = (XᵀX + λI)⁻¹ Xᵀe (Hoerl
& Kennard 1970).

`st_tuned` first trains a layer on top of the sentence transformer: movies that the same user liked
shall have similar vectors, and other movies of the batch different ones (Henderson et al. 2017,
"Efficient Natural Language Response Suggestion for Smart Reply").
"""

from tempfile import TemporaryDirectory
from typing import Literal, Self

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from reelbench.features import matrices
from reelbench.models.base import Features, Interactions
from reelbench.models.shared.biases import Biases, DampingConfig, damped_biases
from reelbench.models.shared.factors import FactorModel, Factors
from reelbench.models.shared.user_items import NewUser, groups


class STConfig(DampingConfig):
    """Parameters; an item's pseudo-ratings are at what its features suggest."""

    #: factor on the columns of a declared block, 1 for a block without one: a text vector has
    #: length 1, a row of genres has not
    weights: dict[str, PositiveFloat] = Field(default_factory=dict)
    components: PositiveInt = 128  # principal components of the weighted columns that are kept
    item_kernel: Literal["linear", "gaussian"] = "linear"  # of the regression on items' features
    gamma: PositiveFloat = 0.4  # of the Gaussian kernel: how fast it falls with squared distance
    #: of the Gaussian kernel: items of train that stand for all, by chance where there are more.
    #: Memory grows with items times landmarks, time with its square
    landmarks: PositiveInt = 2000
    item_regularization: PositiveFloat = 2.0  # L2 penalty of that regression
    user_regularization: PositiveFloat = 4.0  # L2 penalty λ of each user's own ridge


class ST(FactorModel):
    """Ridge regressions on item features; cold users have no weights, unknown items no features.

    Fold-in is exact: the user's bias, and their own ridge regression. A weight of a block that is
    not declared is a ParamsError.
    """

    config: STConfig

    @property
    def stochastic(self) -> bool:  # type: ignore[override]
        return self.config.item_kernel == "gaussian"  # with more items than landmarks

    def _factorise(self, train: Interactions, valid: Interactions, features: Features) -> Factors:
        config, known = self.config, np.unique(train.item_idx)
        columns = matrices.dense_matrix(features, config.weights)
        items = matrices.principal_components(columns, known, config.components)
        of_biases = items  # what biases of items are regressed on
        if config.item_kernel == "gaussian":
            some = np.random.default_rng(self.seed).permutation(known)[: config.landmarks]
            of_biases = matrices.kernel_columns(items, np.sort(some), config.gamma)
        penalty, ids = config.item_regularization, features.ids
        biases = damped_biases(train, ids, config, columns=of_biases, regularization=penalty)
        items = np.vstack([items, np.zeros((1, items.shape[1]))])
        residual = train.rating - biases.predict(train.user_idx, train.item_idx)
        # a cold user has no weights, nor has the unknown one in the last row
        users = np.zeros((ids.n_users + 1, items.shape[1]))
        for user, rows in groups(train.user_idx):
            rated = items[train.item_idx[rows]]
            users[user] = ridge(rated, residual[rows], config.user_regularization)
        return Factors(biases.mean, biases.user, biases.item, users, items)

    def _fold_in(self, user: NewUser) -> Self:
        factors = self._factors
        biases = Biases(factors.mean, factors.user_bias, factors.item_bias)
        folded, residual = biases.fold_in(user, self.config.user_damping)
        rated = factors.item_factors[user.items]
        weights = ridge(rated, residual, self.config.user_regularization)
        return self._with_user(float(folded.user[-1]), weights)


class STTunedConfig(STConfig):
    """Parameters."""

    block: str = "text"  # block of vectors that are tuned
    steps: PositiveInt = 200  # of the optimiser
    batch_size: PositiveInt = 128  # pairs of movies in a step
    learning_rate: PositiveFloat = 1e-3  # highest, after a tenth of the steps
    scale: PositiveFloat = 20.0  # factor on the cosines in the loss


class STTuned(ST):
    """`ST` with a last layer of the encoder that is trained on pairs of movies from train.

    The encoder below stays as it is, so that every text is encoded once, for the block; the layer
    is linear and starts as the identity. Tuned vectors are kept as part of the factors. Without a
    user who liked two movies nothing is trained.
    """

    config: STTunedConfig
    stochastic = True

    def _factorise(self, train: Interactions, valid: Interactions, features: Features) -> Factors:
        block = self.config.block
        vectors = matrices.dense_columns(features[block], features.ids.n_items).astype(np.float32)
        pairs = self._pairs(train, features)
        if len(pairs) and vectors.shape[1]:
            vectors = self._tuned(vectors, pairs)
        tuned = Features(features.ids, {**features, block: {"tuned": vectors}})
        return super()._factorise(train, valid, tuned)

    def _pairs(self, train: Interactions, features: Features) -> np.ndarray:
        """Pairs of movies that one user rated above the biases, int64 (n, 2).

        Users are drawn evenly, and their movies as well: few users with many ratings do not decide.
        """
        biases = damped_biases(train, features.ids, self.config)
        liked = train.rating > biases.predict(train.user_idx, train.item_idx)
        items = train.item_idx[liked][np.argsort(train.user_idx[liked], kind="stable")]
        counts = np.bincount(train.user_idx[liked])
        starts = np.cumsum(counts) - counts
        several = np.flatnonzero(counts > 1)
        if not len(several):
            return np.empty((0, 2), dtype=np.int64)
        rng = np.random.default_rng(self.seed)
        # twice as many, since a batch leaves out pairs with a movie that it already has
        users = rng.choice(several, 2 * self.config.steps * self.config.batch_size)
        first = rng.integers(counts[users])
        second = (first + rng.integers(1, counts[users])) % counts[users]
        return np.stack([items[starts[users] + first], items[starts[users] + second]], axis=1)

    def _tuned(self, vectors: np.ndarray, pairs: np.ndarray) -> np.ndarray:
        """The vectors (n_items, d) after the layer, rows of length 1, or of zeros."""
        import datasets
        import sentence_transformers as st
        import torch
        from sentence_transformers.losses import MultipleNegativesRankingLoss
        from sentence_transformers.models import Dense, StaticEmbedding
        from tokenizers import Tokenizer, models

        torch.set_num_threads(1)  # the matrices are small
        config, width = self.config, vectors.shape[1]
        # a movie is one word, whose vector is that of its text
        names = [str(item) for item in range(len(vectors))]
        words = Tokenizer(models.WordLevel({name: row for row, name in enumerate(names)}))
        given = StaticEmbedding(words, embedding_weights=vectors)
        given.requires_grad_(False)
        layer = Dense(
            width,
            width,
            bias=False,
            activation_function=torch.nn.Identity(),
            init_weight=torch.eye(width),
        )
        encoder = st.SentenceTransformer(modules=[given, layer], device="cpu")
        datasets.disable_progress_bars()
        first, second = pairs.astype(str).T.tolist()
        with TemporaryDirectory() as folder:
            arguments = st.SentenceTransformerTrainingArguments(
                output_dir=folder,
                max_steps=config.steps,
                per_device_train_batch_size=config.batch_size,
                learning_rate=config.learning_rate,
                warmup_steps=max(1, config.steps // 10),
                batch_sampler="no_duplicates",
                seed=self.seed % 2**32,
                use_cpu=True,
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
            )
            st.SentenceTransformerTrainer(
                encoder,
                arguments,
                train_dataset=datasets.Dataset.from_dict({"first": first, "second": second}),
                loss=MultipleNegativesRankingLoss(encoder, scale=config.scale),
            ).train()
        return matrices.unit_vectors(vectors @ layer.linear.weight.detach().numpy().T)


def ridge(design: np.ndarray, target: np.ndarray, regularization: float) -> np.ndarray:
    """Weights (d,) of a ridge without intercept, from the smaller of n and d equations."""
    n_rows, n_columns = design.shape
    if n_rows < n_columns:
        kernel = design @ design.T + regularization * np.eye(n_rows)
        return design.T @ np.linalg.solve(kernel, target)
    gram = design.T @ design + regularization * np.eye(n_columns)
    return np.linalg.solve(gram, design.T @ target)
