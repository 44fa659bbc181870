"""Whether similar movies are those that the same people like, and whether intervals hold.

    python benchmarks/similar.py [--titles "Toy Story" Heat]

On the run in this folder. Of users who like a movie in train (at least their mean there) and
another one in test: how often is that among the ten most similar ones? Shares of users are compared
in pairs (Wilcoxon's signed-rank test). Nothing is chosen on test; this only measures. Then the
share of test ratings within the 80 % intervals, and the lists of some titles.
"""

from __future__ import annotations

import argparse
from functools import cache

import numpy as np
from scipy import stats

from reelbench import paths
from reelbench.data.interactions import Interactions
from reelbench.models.shared.biases import group_means
from reelbench.serving import UnknownTitleError
from reelbench.serving.library import Library
from reelbench.serving.recommend import CONTENT, MIXED, similar, similar_items
from reelbench.serving.stars import LEVEL

_K, _ANCHORS = 10, 20


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--titles", nargs="*", default=[])
    args = parser.parse_args()
    library = Library.read()
    test = Interactions.from_parquet(library.root / paths.TEST)
    weights = {name: round(weight, 3) for name, weight in library.mixed.weights.items()}
    print(f"weights: {weights}")
    hits = hit_rates(library, test)
    for name, own in hits.items():
        print(f"{name:<8} hit rate at {_K}: {own.mean():.4f} over {len(own)} users")
    for other in ("genres", CONTENT):
        found = stats.wilcoxon(hits[MIXED], hits[other], alternative="greater")
        print(f"{MIXED} above {other}: p = {found.pvalue:.2g}")
    coverage(library, test)
    for title in args.titles:
        try:
            answer = similar(library, title, _K)
        except UnknownTitleError as error:
            print(f"| {title} | {error} |")
            continue
        names = "; ".join(movie.title_and_year for movie in answer.recommendations)
        print(f"| {answer.asked.removeprefix('movies similar to ')} | {names} |")


def hit_rates(library: Library, test: Interactions) -> dict[str, np.ndarray]:
    """Share of pairs of a liked movie of train and one of test that hit, of each user."""
    train, draw = library.train, np.random.default_rng(0)
    mean = group_means(train.user_idx, train.rating, library.ids.n_users)

    @cache
    def lists(item: int) -> dict[str, set[int]]:
        genres = library.content.content_similarity(item, 1.0)
        alone = np.lexsort((-library.count, -np.round(genres, 6)))
        found = {"genres": alone[alone != item]}
        for name in (CONTENT, MIXED):
            found[name] = similar_items(library, item, name)[2]
        return {name: set(order[:_K].tolist()) for name, order in found.items()}

    found: dict[str, list[float]] = {"genres": [], CONTENT: [], MIXED: []}
    for user in np.unique(test.user_idx):
        liked = [
            part.item_idx[(part.user_idx == user) & (part.rating >= mean[user])]
            for part in (train, test)
        ]
        anchors = draw.permutation(liked[0])[:_ANCHORS].tolist()
        if not anchors or not len(liked[1]):
            continue
        for name, own in found.items():
            own.append(np.mean([b in lists(a)[name] for a in anchors for b in liked[1].tolist()]))
    return {name: np.array(own) for name, own in found.items()}


def coverage(library: Library, test: Interactions) -> None:
    """Share of test ratings of users of train that are within their intervals."""
    if library.stars is None:
        return
    inside, widths = [], []
    for user in np.unique(test.user_idx):
        items, ratings = library.rated(user)
        own = test.user_idx == user
        if len(items):
            found = np.array(library.stars.predict(test.item_idx[own], items, ratings, int(user)))
            inside += (
                (found[:, 1] <= test.rating[own]) & (test.rating[own] <= found[:, 2])
            ).tolist()
            widths += (found[:, 2] - found[:, 1]).tolist()
    print(
        f"{LEVEL:.0%} intervals by {library.stars.name}: {np.mean(inside):.1%} of {len(inside)} "
        f"test ratings, mean width {np.mean(widths):.2f}"
    )


if __name__ == "__main__":
    main()
