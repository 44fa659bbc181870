"""System B: its tables, its SVD and its network on the very rows that the document prints.

The SVD's split is by time. The network's is random, drawn by scikit-learn with a printed seed, so
it is repeated here row by row, and our network learns from it; `honest` is the pipeline's split by
time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, MultiLabelBinarizer

from reelbench import paths
from reelbench.data.interactions import Ids, Interactions
from reelbench.features.block import Features
from reelbench.models.network import Network
from reelbench.params import select
from replications.examples import LENGTH, nearest, titles_of
from replications.measure import FIRST_SEED, Parts, Results, Study, effects, spread
from replications.published import Variant, system
from replications.results import Estimate, FaultEffect, Result, counts
from replications.runs import Ran

SYSTEM = system("latest_small_temporal")
_SVDS = Variant(model="svds")
#: singular values; shares of a user's ratings; share and seed of the random splits; terms of tags
_FACTORS, _TENTH, _FIFTH, _SPLIT_SEED, _TERMS = 50, 0.1, 0.2, 42, 100
#: rating from which a movie is relevant, and places of a list of which recall is counted
_LIKED, _K = 4.0, 10
# runs of the network, each on the same rows
_RUNS = 10
_SEEDS_OF_IDS = range(FIRST_SEED, FIRST_SEED + 5)
_EPOCHS = 5
# cells that the document prints of a wide table, at either end
_EDGE = 10


class Files(NamedTuple):
    """The files of the data set, a row per line."""

    movies: pd.DataFrame
    ratings: pd.DataFrame
    tags: pd.DataFrame

    @classmethod
    def of(cls, ran: Ran) -> Files:
        """From a variant's download."""
        names = ("movies.csv", "ratings.csv", "tags.csv")
        read = (pd.read_csv(ran.file(paths.RAW / name), keep_default_na=False) for name in names)
        return cls(*read)

    @property
    def joined(self) -> pd.DataFrame:
        """A row per rating, by movie: the order in which the document splits at random."""
        return self.movies.merge(self.ratings, on="movieId")

    @property
    def tag_texts(self) -> pd.Series:
        """Tags of every movie in the order of the file, "" for none, by the rows of `movies`."""
        texts = self.tags.groupby("movieId")["tag"].agg(" ".join)
        return self.movies["movieId"].map(texts).fillna("")


def _files(study: Study) -> Files:
    return Files.of(study.run(_SVDS, upto="split"))


def line(values: Iterable[Any]) -> str:
    """Cells as the document prints them, an empty one for a missing value."""
    return ",".join("" if pd.isna(value) else str(value) for value in values)


def _lines(table: pd.DataFrame, rows: Sequence[int]) -> tuple[str, ...]:
    """Lines of a table with the number of the row in front."""
    return tuple(line([row, *(table[name].iloc[row] for name in table)]) for row in rows)


def _ends(values: Sequence[object]) -> str:
    """The first and the last cells of a wide row."""
    return f"{line(values[:_EDGE])},...,{line(values[-_EDGE:])}"


def _tables(study: Study) -> Results:
    files = _files(study)
    movies, ratings, tags = files
    missing = int(ratings.isna().to_numpy().sum())
    joined = files.joined
    joined["timestamp"] = pd.to_datetime(joined["timestamp"], unit="s")
    genres = MultiLabelBinarizer()
    columns = genres.fit_transform(movies["genres"].str.split("|"))
    names = list(genres.classes_)
    first = movies["movieId"].searchsorted(joined["movieId"].iloc[0])
    hot = list(columns[first])
    users, rated = ratings["userId"].nunique(), ratings["movieId"].nunique()
    bounds = {"lowest": ratings["rating"].min(), "highest": ratings["rating"].max()}
    every = {"duplicates": int(ratings.duplicated().sum()), "missing": missing}
    size = f"{len(movies):,} movies, of which {rated:,} are rated."
    return {
        "b_movies": Result(listed=_lines(movies, (0, 9740)), shown=size),
        "b_ratings": Result(
            same=counts(every),
            listed=_lines(ratings, (0, 100834)),
            shown=f"{len(ratings):,} ratings.",
        ),
        "b_joined": Result(listed=_lines(joined, (0, 4))),
        "b_genres": Result(
            listed=(
                f"{line(names[:4])},...,{line(names[-_EDGE:])}",
                f"{line(hot[:4])},...,{line(hot[-_EDGE:])}",
            ),
            shown=f"{len(names)} genres.",
        ),
        "b_tags": Result(listed=_lines(tags, (0, 3681)), shown=f"{len(tags):,} tags."),
        "b_tag_text": Result(listed=(files.tag_texts.iloc[first],)),
        "b_encoded": Result(same=counts({"users": users, "movies": rated, **bounds})),
    }


def by_time(ratings: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Train, valid and test as printed: each user's last tenth, the tenth before it, the rest.

    Args:
        ratings: `userId` and `timestamp`; equal times stay in the order of the rows.
    """
    ordered = ratings.sort_values(["userId", "timestamp"], kind="stable")
    users = ordered.groupby("userId")["userId"]
    size = users.transform("size").to_numpy()
    last = size - 1 - users.cumcount().to_numpy()  # 0 for a user's last rating
    share = np.maximum(1, (size * _TENTH).astype(int))
    train, test = last >= 2 * share, last < share
    return ordered[train], ordered[~train & ~test], ordered[test]


def predicted(train: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ratings of train by user and movie, and what the truncated SVD predicts, not clipped."""
    known = train.pivot_table(index="userId", columns="movieId", values="rating")
    means = known.mean(axis=1).to_numpy()[:, None]
    centred = sparse.csr_array(np.nan_to_num(known.to_numpy() - means))
    # the product does not depend on the vector that the search starts from
    start = np.random.default_rng(0).normal(size=min(centred.shape))
    left, values, right = sparse.linalg.svds(centred, k=_FACTORS, v0=start)
    return known, pd.DataFrame((left * values) @ right + means, known.index, known.columns)


def _svd(study: Study) -> Results:
    files = _files(study)
    train, _, test = by_time(files.ratings)
    known, scores = predicted(train)
    place = scores.columns.get_indexer(pd.Index(test["movieId"]))
    row = scores.index.get_indexer(pd.Index(test["userId"]))
    # a movie that is not in train has its user's mean; the document leaves it out
    means = known.mean(axis=1).to_numpy()[row]
    all_rows = np.where(place >= 0, scores.to_numpy()[row, place], means)
    given, warm = test["rating"].to_numpy(), place >= 0
    low, high = files.ratings["rating"].min(), files.ratings["rating"].max()
    plan = SYSTEM.plan("b_svds")
    result = study.carry_out(plan)
    library = result.same
    same = counts({**_errors(given[warm], all_rows[warm]), "n_test": int(warm.sum())})
    bare, clipped = (_errors(given, values) for values in (all_rows, all_rows.clip(low, high)))
    unclipped = tuple(
        FaultEffect(fault="unclipped", metric=metric, difference=bare[metric] - clipped[metric])
        for metric in bare
    )
    used = {
        "singular values": _FACTORS,
        "share of valid": _TENTH,
        "share of test": _TENTH,
        "at least one rating in valid and test": True,
        "centred by the user's mean": True,
        "movies not in train": "left out",
    }
    beside = {m: Estimate(value=s.mean) for m, s in library.items()}
    also = result.also | {"clipped to the rating scale, by our model `svds`": beside}
    figures = {"same": same, "worth": (*result.worth, *unclipped), "also": also, "settings": used}
    return {
        "b_user_movie": Result(
            listed=tuple(line([user, _ends(list(known.loc[user]))]) for user in (1, 5)),
            shown=f"{known.shape[0]:,} users, {known.shape[1]:,} movies.",
        ),
        "b_predicted": Result(
            listed=tuple(
                line([user, _ends([f"{value:.6f}" for value in scores.loc[user]])])
                for user in (1, 2, 5, 606, 609)
            )
        ),
        "b_svds": result.model_copy(update=figures),
        "b_svds_list": _svd_list(files, known, scores),
    }


def _errors(given: np.ndarray, found: np.ndarray) -> dict[str, float]:
    error = found - given
    return {"rmse": float(np.sqrt(np.mean(error**2))), "mae": float(np.mean(np.abs(error)))}


def _svd_list(files: Files, known: pd.DataFrame, scores: pd.DataFrame) -> Result:
    """The first user's recommendations, with number and mean of all ratings, test too."""
    user = known.index[0]
    best = scores.loc[user][known.loc[user].isna()].sort_values(ascending=False).head(LENGTH)
    title = files.movies.set_index("movieId")["title"]
    of_movie = files.ratings.groupby("movieId")["rating"].agg(["size", "mean"])
    same: dict[str, float] = {}
    for number, (movie, score) in enumerate(best.items(), start=1):
        same[f"predicted_{number}"] = float(score)
        if number < LENGTH:  # the fifth is cut off
            same[f"ratings_{number}"] = float(of_movie.loc[movie, "size"])
            same[f"average_{number}"] = float(of_movie.loc[movie, "mean"])
    return Result(same=counts(same), listed=tuple(title[best.index]))


@dataclass(frozen=True)
class Rows:
    """The rows of the network: rated movies by their code, in three parts.

    Attributes:
        files: of the data set.
        user, item: codes, int64 (n,), of users and of rated movies in ascending order of their ids.
        rating: float32 (n,).
        parts: row numbers of train, valid and test.
        known: row numbers from which the vocabulary of tags is taken.
        ids_as_terms: a published fault: codes are written to columns named `user` and `movie` of
            the table that has the terms as columns, and "movie" is a term.
    """

    files: Files
    user: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    parts: dict[str, np.ndarray]
    known: np.ndarray
    ids_as_terms: bool = True

    @classmethod
    def at_random(cls, files: Files) -> Rows:
        """As printed: a fifth of all rows is test, and a fifth of the others valid."""
        every = np.arange(len(files.ratings))
        rest, test = train_test_split(every, test_size=_FIFTH, random_state=_SPLIT_SEED)
        train, valid = train_test_split(rest, test_size=_FIFTH, random_state=_SPLIT_SEED)
        return cls._of(files, {"train": train, "valid": valid, "test": test}, every)

    @classmethod
    def by_time(cls, files: Files) -> Rows:
        """Split by time as for the SVD, the vocabulary that of train."""
        parts = zip(("train", "valid", "test"), by_time(files.joined), strict=True)
        found = {name: part.index.to_numpy() for name, part in parts}
        return replace(cls._of(files, found, found["train"]), ids_as_terms=False)

    @classmethod
    def _of(cls, files: Files, parts: dict[str, np.ndarray], known: np.ndarray) -> Rows:
        joined = files.joined
        (_, user), (_, item) = (
            np.unique(joined[name], return_inverse=True) for name in ("userId", "movieId")
        )
        return cls(files, user, item, joined["rating"].to_numpy(np.float32), parts, known)

    @cached_property
    def rated(self) -> np.ndarray:
        """Row of `movies` of each rated movie, int64 (n_items,)."""
        movies = self.files.movies["movieId"]
        return np.flatnonzero(movies.isin(self.files.ratings["movieId"]))

    @cached_property
    def vectorizer(self) -> TfidfVectorizer:
        """Fitted on the tags of every row, so that a movie counts as often as it is rated."""
        texts = self.files.tag_texts.to_numpy()[self.rated]
        return TfidfVectorizer(max_features=_TERMS).fit(texts[self.item[self.known]])

    @cached_property
    def content(self) -> np.ndarray:
        """Genres and TF-IDF of tags of the rated movies, float64 (n_items, 120)."""
        genres = MultiLabelBinarizer().fit_transform(self.files.movies["genres"].str.split("|"))
        texts = self.files.tag_texts.to_numpy()[self.rated]
        terms = self.vectorizer.transform(texts).toarray()
        place = self.vectorizer.vocabulary_.get("movie")
        if self.ids_as_terms and place is not None:
            terms[:, place] = np.arange(len(terms))
        return np.hstack([genres[self.rated], terms])

    @cached_property
    def scaled(self) -> np.ndarray:
        """The content in 0 to 1, by the least and the greatest values of train."""
        scaler = MinMaxScaler().fit(self.content[self.item[self.parts["train"]]])
        return scaler.transform(self.content).astype(np.float32)

    @property
    def ids(self) -> Ids:
        """Sizes and scale."""
        bounds = float(self.rating.min()), float(self.rating.max())
        return Ids(int(self.user.max()) + 1, len(self.rated), *bounds)

    def part(self, name: str) -> Interactions:
        """Rows of a part."""
        rows = self.parts[name]
        return Interactions.from_arrays(self.user[rows], self.item[rows], self.rating[rows])

    def fitted(self, parameters: Mapping[str, Any], seed: int, cold: str = "untrained") -> Network:
        """Our network with the published parameters on these rows."""
        own = {k: v for k, v in parameters.items() if k not in ("_target_", "code", "features")}
        own |= {"columns": ["content"], "cold": cold}
        network = Network(seed=seed, threads=2, **own)
        blocks = {"content": {"content": self.scaled}}
        return network.fit(self.part("train"), self.part("valid"), Features(self.ids, blocks))

    def figures(self, network: Network) -> dict[str, float]:
        """RMSE, MAE and recall on test."""
        test = self.part("test")
        score = network.predict(test.user_idx, test.item_idx)
        recall = own_recall(test.user_idx, test.rating, score)
        return {**_errors(test.rating, score), "recall_at_10": recall}


def own_recall(user: np.ndarray, rating: np.ndarray, score: np.ndarray) -> float:
    """Mean recall of a user's own test movies, as printed; users without a liked one are left out.

    Args:
        user, rating, score: (n,), of the test rows.
    """
    found = []
    for one in np.unique(user):
        rows = np.flatnonzero(user == one)
        liked = set(np.flatnonzero(rating[rows] >= _LIKED))
        if liked:
            first = set(np.argsort(score[rows])[-_K:])
            found.append(len(liked & first) / len(liked))
    return float(np.mean(found))


def _network(study: Study) -> Results:
    files = _files(study)
    rows = Rows.at_random(files)
    plans = {name: SYSTEM.plan(name) for name in ("b_dnn", "b_dnn_recall")}
    honest = study.measure(plans["b_dnn"].honest)
    entry = study.used(plans["b_dnn"].honest).content["models"]["latest_small_dnn"]
    seeds = range(FIRST_SEED, FIRST_SEED + max(study.seeds, _RUNS))
    networks = [rows.fitted(entry, seed) for seed in seeds]
    penalties = _penalties(rows, entry)
    figures = [rows.figures(network) | _epochs(network, rows, penalties) for network in networks]
    same = {name: spread([of_run[name] for of_run in figures]) for name in figures[0]}
    ids = _worth_of_ids(files, entry)
    single = {fault: study.measure(v) for fault, v in plans["b_dnn"].single.items()}
    lengths = [len(network.history) for network in networks]
    stopped = f"{min(lengths)} to {max(lengths)} epochs until it stopped."
    found = {
        "b_terms": Result(
            listed=(line(rows.vectorizer.get_feature_names_out()[-_EDGE:]),),
            settings={"terms": len(rows.vectorizer.vocabulary_)},
        ),
        "b_dnn_epochs": Result(same={m: same[m] for m in same if "_epoch_" in m}, shown=stopped),
    }
    for name, plan in plans.items():
        found[name] = Result(
            same={metric: same[metric] for metric in plan.metrics},
            honest=honest.estimates(plan.metrics),
            worth=(
                *effects(honest, single, plan.metrics),
                *(e for e in ids if e.metric in plan.metrics),
            ),
        )
    config = networks[0].config.model_dump(mode="json")
    named = {name: s.ours.lstrip(".") for name, s in SYSTEM.row("b_dnn").settings.items()}
    known = {name: select(config, key) for name, key in named.items() if key}
    known |= {
        "share of test": _FIFTH,
        "share of valid": _FIFTH,
        "seed of the split": _SPLIT_SEED,
        "content scaled to 0 … 1": True,
        "optimizer": "adam",
        "rows in a new order every epoch": True,
        "lowest learning rate": 0.0,
    }
    found["b_dnn"] = found["b_dnn"].model_copy(update={"settings": known})
    return {**found, **_lists(networks, rows)}


def _worth_of_ids(files: Files, parameters: Mapping[str, Any]) -> tuple[FaultEffect, ...]:
    """On the split by time, means over some seeds."""
    honest = Rows.by_time(files)
    found = {}
    for rows in (honest, replace(honest, ids_as_terms=True)):
        runs = [rows.figures(rows.fitted(parameters, seed, "zeros")) for seed in _SEEDS_OF_IDS]
        found[rows.ids_as_terms] = {m: np.mean([run[m] for run in runs]) for m in ("rmse", "mae")}
    return tuple(
        FaultEffect(
            fault="ids_as_terms", metric=m, difference=float(found[True][m] - found[False][m])
        )
        for m in ("rmse", "mae")
    )


def _penalties(rows: Rows, parameters: Mapping[str, Any]) -> list[float]:
    """L2 penalty after each of the first epochs, of one run, which the printed losses contain."""
    found = []
    for epochs in range(1, _EPOCHS + 1):
        network = rows.fitted({**parameters, "epochs": epochs}, FIRST_SEED)
        layers = (network.keras_model.get_layer(f"{side}_embedding") for side in ("user", "item"))
        squares = sum(float(np.sum(np.square(layer.get_weights()[0]))) for layer in layers)
        found.append(squares * float(network.config.embedding_regularization or 0.0))
    return found


def _epochs(network: Network, rows: Rows, penalties: Sequence[float]) -> dict[str, float]:
    """Losses and MAE of the first epochs, as shares of the scale."""
    width = rows.ids.rating_max - rows.ids.rating_min
    found = {}
    for epoch, penalty in zip(network.history, penalties, strict=False):
        number = int(epoch["epoch"])
        for part in ("train", "valid"):
            squared = (epoch[f"{part}_loss"] / width) ** 2
            found[f"{part}_loss_epoch_{number}"] = squared + penalty
            found[f"{part}_mae_epoch_{number}"] = epoch[f"{part}_mae"] / width
    return found


def _lists(networks: Sequence[Network], rows: Rows) -> Results:
    """What the networks recommend, and what the first of them gives as a reason."""
    title = rows.files.movies["title"].to_numpy()
    seen = sparse.csr_array((np.ones(len(rows.user), bool), (rows.user, rows.item))).toarray()
    ours = [listed(network, rows.content, seen[:1]) for network in networks]
    codes, first = ours[0][0], networks[0]
    ours_at = np.array([scores[0] for _, scores in ours]).T
    same = {f"predicted_{n}": spread(list(ours_at[n - 1])) for n in range(1, LENGTH)}
    known = pd.Series(np.arange(len(rows.rated)), index=title[rows.rated])
    printed = known[list(SYSTEM.row("b_dnn_list").printed)].to_numpy()
    common = np.mean([np.isin(codes[0], other[0]).mean() for other, _ in ours[1:]])
    every, scaled = (listed(first, content, seen)[0] for content in (rows.content, rows.scaled))
    changed = 1 - np.mean([np.isin(a, b).mean() for a, b in zip(every, scaled, strict=True)])
    numbers = ", ".join(f"{code}" for code in printed)
    full = sum(scores[0].min() >= rows.ids.rating_max - 0.005 for _, scores in ours)
    return {
        "b_dnn_list": Result(
            same=same,
            listed=tuple(title[rows.rated[codes[0]]]),
            worth=(
                FaultEffect(fault="unscaled_content", metric="first_5_changed", difference=changed),
            ),
            shown="The column of the term 'movie' holds the movie's code (`ids_as_terms`), 0 to "
            f"{len(rows.rated) - 1:,}, scaled in training, but here raw: it outweighs all else. "
            f"The printed movies have the codes {numbers}. {full} of our {len(ours)} networks give "
            f"all five {rows.ids.rating_max:.2f}; another has {100 * common:.0f} % of the five.",
        ),
        "b_dnn_reason": _reasons(first, rows, every, seen),
    }


def listed(
    network: Network, content: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The first movies of some users, the best first, and their scores: two (n_users, 5).

    Args:
        content: read in place of what the network was trained with; the document forgets to scale.
        seen: bool (n_users, n_items), of the users from 0 on; what is not recommended.
    """
    layer = network.keras_model.get_layer("item_columns")
    trained = layer.get_weights()
    layer.set_weights([np.vstack([content, np.zeros_like(content[:1])])])
    items = np.arange(len(content))
    found = []
    for user, own in enumerate(seen):
        inputs = [np.full(len(items), user), items]
        scores = np.asarray(network.keras_model(inputs, training=False))[:, 0]
        scores = np.where(own, -np.inf, scores)
        best = np.argsort(-scores, kind="stable")[:LENGTH]
        found.append((best, scores[best]))
    layer.set_weights(trained)
    codes, values = zip(*found, strict=True)
    return np.array(codes), np.array(values)


def _reasons(network: Network, rows: Rows, first: np.ndarray, seen: np.ndarray) -> Result:
    """Movies near a recommended one in the embedding, under the titles of the wrong rows."""
    title = rows.files.movies["title"].to_numpy()
    (table,) = network.keras_model.get_layer("item_embedding").get_weights()
    vectors = table[: len(rows.rated)]
    near = [[nearest(vectors, item, LENGTH) for item in own] for own in first]
    told = [
        name for codes in near[0] for name in titles_of(codes, title, rows.rated, wrong_rows=True)
    ]
    meant = np.array(near)
    wrong = float(np.mean(title[meant] != title[rows.rated[meant]]))
    unrated = float(np.mean([~seen[user][codes] for user, codes in enumerate(meant)]))
    row_of = {name: number for number, name in enumerate(title)}
    printed = np.array([row_of[name] for name in SYSTEM.row("b_dnn_reason").printed])
    of_codes = rows.rated[printed]
    own = np.isin(np.arange(len(title)), rows.rated[np.flatnonzero(seen[0])])
    other = int(np.sum(title[printed] != title[of_codes]))
    shown = (
        f"Of the {len(printed)} printed titles {other} stand for another movie (the first, "
        f"{title[printed[0]]}, for {title[of_codes[0]]}); the user has rated {own[printed].sum()} "
        f"of the printed and {own[of_codes].sum()} of the meant movies."
    )
    metrics = {"wrong_titles": wrong, "never_rated": unrated}
    faults = {"wrong_titles": "titles_by_wrong_row", "never_rated": "liked_not_checked"}
    return Result(
        same=counts(metrics),
        honest={name: Estimate(value=0.0) for name in metrics},
        worth=tuple(
            FaultEffect(fault=faults[name], metric=name, difference=value)
            for name, value in metrics.items()
        ),
        listed=tuple(told),
        shown=shown,
    )


PARTS: Parts = {
    ("b_movies", "b_ratings", "b_joined", "b_genres", "b_tags", "b_tag_text", "b_encoded"): _tables,
    ("b_user_movie", "b_predicted", "b_svds", "b_svds_list"): _svd,
    ("b_terms", "b_dnn", "b_dnn_recall", "b_dnn_epochs", "b_dnn_list", "b_dnn_reason"): _network,
}
