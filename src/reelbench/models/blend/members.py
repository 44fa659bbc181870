"""The models of a blend, fitted and stored together, and the ratings that they learn from."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import ModelEntry, Recommender
from reelbench.seeds import seed_for

_LOG = logging.getLogger(__name__)

Members = dict[str, Recommender]


def create(entries: Mapping[str, ModelEntry], seed: int, threads: int) -> Members:
    """Unfitted members; each has a seed of its own, from that of the blend and its name."""
    return {
        name: entry.model_class(
            seed=seed_for(seed, name) if entry.seed is None else entry.seed,
            threads=threads,
            **entry.parameters,
        )
        for name, entry in entries.items()
    }


def fit(
    members: Members,
    entries: Mapping[str, ModelEntry],
    train: Interactions,
    valid: Interactions,
    features: Features,
) -> None:
    """Fit every member to train; it sees only the blocks that its entry declares.

    Raises:
        KeyError: the blend itself does not declare one of them.
    """
    for name, member in members.items():
        _LOG.info("blend: training %s on %d ratings", name, len(train))
        blocks = {block: features[block] for block in entries[name].features}
        member.fit(train, valid, Features(features.ids, blocks))


def ratings_matrix(member: Recommender, user_idx: np.ndarray) -> np.ndarray:
    """Predictions for all items: float32 (len(user_idx), n_items), on the rating scale."""
    ids = member.ids
    if member.scores_are_ratings:
        return np.clip(member.score(user_idx), ids.rating_min, ids.rating_max)
    items = np.arange(ids.n_items)
    rows = [member.predict(np.full(ids.n_items, user), items) for user in user_idx]
    return np.stack(rows)


def held_out(
    train: Interactions, share: float, generator: np.random.Generator
) -> tuple[Interactions, Interactions]:
    """The other rows, and a random share of the rows, rounded; one row at least is in the first."""
    size = min(round(share * len(train)), len(train) - 1)
    out = np.zeros(len(train), dtype=bool)
    out[generator.permutation(len(train))[:size]] = True
    return train.select(~out), train.select(out)


def together(first: Interactions, second: Interactions) -> Interactions:
    """Both parts as one, in the order of users and items, whatever part a row was in."""
    both = Interactions.concat(first, second)
    return both.select(np.lexsort((both.item_idx, both.user_idx)))
