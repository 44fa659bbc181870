"""System A: tagged ratings, a grid-searched SVD, and lists by content; networks apart."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.columns import (
    DIRECTOR,
    GENRES,
    ITEM_IDX,
    RATING,
    TAG,
    TITLE,
    TITLE_RAW,
    USER_ID,
    USER_IDX,
    YEAR,
)
from reelbench.files import read_json
from reelbench.serving.recommend import CONTENT, TEXT
from reelbench.serving.similarity import LEAD
from reelbench.serving.titles import CUTOFF
from reelbench.stages.featurize import read_catalogue
from replications import examples, figures, ml20m_networks
from replications.examples import LENGTH
from replications.lists import (
    UNKNOWN,
    JoinedLists,
    PublishedLists,
    genre_and_tag_vectors,
    jaccard,
)
from replications.measure import (
    FIRST_SEED,
    SECONDS,
    Parts,
    Results,
    Study,
    effects,
    sizes,
    spread,
)
from replications.ml20m_table import BIAS, joined, printed_title
from replications.published import FUTURE_SEEN, Fault, Variant, system
from replications.results import FOLDER, Estimate, FaultEffect, Result, Spread, counts
from replications.runs import Ran

SYSTEM = system("ml20m_hybrid")
_CONTENT = Variant(model="content")
# of the grid: all have this rate and penalty; the one that was best as published
_RATE, _PENALTY = 0.005, 0.02
_FACTORS, _EPOCHS = (50, 100), (20, 30)
_BEST = (50, 20)
_FOLDS, _SCALE = 3, (0.5, 5.0)
_SVD = Variant(
    model="svd",
    overrides=(
        f"models.svd.learning_rate={_RATE}",
        f"models.svd.regularization={_PENALTY}",
        "models.svd.init_std=0.1",
    ),
)
_ERRORS, _FILLED = ("rmse", "mae"), "score_filled_matrix"
# ratings of users and movies that stay; the fewest that show whether two users agree
_PER_USER, _PER_MOVIE, _FEWEST = 20, 51, 2
_ALL_RATINGS = "All ratings with the published thresholds"
# the questions of the document
_TYPED = ("love", "interstella", "frozen")
# code of the user whose list was printed
_CODE = 100
_BLOCKS = ("genres", "tags", "directors")
_TERMS, _WEIGHT, _BATCH = 1000, 0.9, 16
# about as many movies are asked for when two systems are compared
_ASKED = 150
_SMALLER = (
    "Not the published model: all-MiniLM-L6-v2 of 23 million parameters, and each distinct movie "
    "once, where 1.5 billion parameters encoded every row."
)


def _data(study: Study) -> Results:
    ran, table = study.run(BIAS, upto="split"), joined(study)
    items = pd.read_parquet(ran.file(paths.ITEMS))
    tags = pd.read_parquet(ran.file(paths.TAGS))
    size, known = sizes(ran), int((table.drop_duplicates(ITEM_IDX)[DIRECTOR] != UNKNOWN).sum())
    pairs = len(tags.drop_duplicates([USER_IDX, ITEM_IDX]))
    busiest = f"one user gave {table[USER_IDX].value_counts().max():,} of them"
    join = f"By {size['users']:,} users on {size['movies']:,} movies; {busiest}."
    printed = items[TITLE_RAW].map(printed_title)
    changed = int((items[TITLE_RAW] != printed).sum())
    other = printed[printed != with_year(items)]
    wrong = ", ".join(other.head(3))
    head = table.head(LENGTH)
    return {
        "a_join": Result(same=counts({"rows": size["ratings"]}), shown=join),
        "a_titles": Result(
            listed=tuple(head[TITLE]),
            shown=f"{changed:,} of {len(items):,} titles change; {len(other):,} differ from ours"
            f"{f', such as {wrong}' if wrong else ''}: the printed rule knows The, A and An, "
            "and finds ', A' in ', An' first.",
        ),
        "a_directors": f"{known:,} of {len(items):,} movies have a director.",
        "a_aggregation": Result(
            listed=tuple(head[TAG]),
            shown=f"{len(tags):,} tags on {pairs:,} pairs; of several ratings of a pair the last "
            "counts, not the mean.",
        ),
    }


def with_year(items: pd.DataFrame) -> pd.Series:
    """Our titles, with the year in brackets where it is known."""
    year = items[YEAR].map(lambda known: f" ({int(known)})", na_action="ignore").fillna("")
    return items[TITLE] + year


def _years(study: Study) -> Results:
    """The lower half of the figure that has the means above."""
    table = figures.mean_per_year(figures.tables_of(study, BIAS)[0]).table
    most = table.iloc[int(table["ratings"].to_numpy().argmax())]
    shown = f"{len(table)} years; most ratings in {most['year']:.0f}: {most['ratings']:,.0f}."
    file = str(FOLDER / study.preset / "mean_per_year.png")
    return {"a_eda_years": Result(shown=shown, files=(file,))}


def sparsity(study: Study) -> Results:
    """Where no tagged movie has enough ratings: with fewer, and beside it of all ratings."""
    per_movie, most = _enough(study)
    before, after = _filtered(study, per_movie, tagged=True)
    left = f"{after['ratings']:,} ratings, {after['users']:,} users, {after['movies']:,} movies"
    shown, also = f"{left} remain.", {}
    if per_movie < _PER_MOVIE:
        shown = f"No movie has more than {most} tagged ratings, so {_FEWEST} are enough: {shown}"
        pair = zip(("before", "after"), _filtered(study, _PER_MOVIE, tagged=False), strict=True)
        beside = {f"sparsity_{when}": Estimate(value=found["sparsity"]) for when, found in pair}
        also = {_ALL_RATINGS: beside}
    same = counts({"sparsity_before": before["sparsity"], "sparsity_after": after["sparsity"]})
    used = {"ratings of a user": _PER_USER, "ratings of a movie, more than": per_movie - 1}
    result = Result(same=same, shown=shown, also=also, settings=_known("a_sparsity", used))
    return {"a_sparsity": result}


def _filter(per_movie: int, *, tagged: bool) -> tuple[str, ...]:
    return (
        f"filter.min_per_user={_PER_USER}",
        f"filter.min_per_item={per_movie}",
        "filter.repeat=false",
        f"filter.tagged={str(tagged).lower()}",
    )


def _filtered(study: Study, per_movie: int, *, tagged: bool) -> tuple[dict[str, Any], ...]:
    """Counts before and after the filter of users and movies with few ratings."""
    ran = study.run(BIAS.with_(*_filter(per_movie, tagged=tagged)), upto="split")
    steps = read_json(ran.file(paths.CLEAN_COUNTS))["interactions"]["filter"]["steps"]
    return steps["tagged" if tagged else "before"], steps["enough_ratings"]


def _grid_point(factors: int, epochs: int) -> Variant:
    return _SVD.with_(f"models.svd.factors={factors}", f"models.svd.epochs={epochs}")


class Search(NamedTuple):
    """What the published cell does, once.

    Attributes:
        rmse: best of the grid, a mean over three random folds.
        factors, epochs: where it is.
        filled: RMSE and MAE of the refit over all pairs without a rating, against the mean rating.
        of_train: RMSE of the refit on the ratings that it was fitted on.
        pairs: number of pairs without a rating.
        seconds: twelve fits, the refit and the prediction of all pairs.
    """

    rmse: float
    factors: int
    epochs: int
    filled: tuple[float, float]
    of_train: float
    pairs: int
    seconds: float


def search(ratings: pd.DataFrame, seed: int) -> Search:
    """Grid, refit on all rows, and Surprise's `build_anti_testset` as test."""
    start = time.perf_counter()
    found, algorithm, trainset = _searched(ratings, seed)
    pairs = trainset.build_anti_testset()
    filled = _errors(algorithm.test(pairs))
    seconds = time.perf_counter() - start
    best = found.best_params["rmse"]
    of_train = _errors(algorithm.test(trainset.build_testset()))[0]
    score = float(found.best_score["rmse"])
    shape = best["n_factors"], best["n_epochs"]
    return Search(score, *shape, filled, of_train, len(pairs), seconds)


def _searched(ratings: pd.DataFrame, seed: int) -> tuple[Any, Any, Any]:
    """The search, its best algorithm fitted to all rows, and these rows."""
    from surprise import SVD, Dataset, Reader
    from surprise.model_selection import GridSearchCV, KFold

    reader = Reader(rating_scale=_SCALE)
    known = Dataset.load_from_df(ratings[[USER_IDX, ITEM_IDX, RATING]], reader)
    grid = {"n_factors": _FACTORS, "n_epochs": _EPOCHS, "lr_all": [_RATE], "reg_all": [_PENALTY]}
    grid |= {"random_state": [seed]}
    folds = KFold(n_splits=_FOLDS, random_state=seed)
    found = GridSearchCV(SVD, grid, measures=["rmse", "mae"], cv=folds)
    found.fit(known)
    trainset = known.build_full_trainset()
    algorithm = found.best_estimator["rmse"]
    return found, algorithm.fit(trainset), trainset


def _errors(predictions: Sequence[Any]) -> tuple[float, float]:
    error = np.array([one.est - one.r_ui for one in predictions])
    return float(np.sqrt(np.mean(error**2))), float(np.mean(np.abs(error)))


def _enough(study: Study) -> tuple[int, int]:
    """Ratings that a movie of the joined table needs to stay, and those that one has at most."""
    table = study.run(BIAS, upto="split").file(paths.INTERACTIONS)
    most = int(pd.read_parquet(table, columns=[ITEM_IDX])[ITEM_IDX].value_counts().max())
    return (_PER_MOVIE if most >= _PER_MOVIE else _FEWEST), most


def _filtered_rows(study: Study, per_movie: int, *, tagged: bool) -> tuple[pd.DataFrame, Ran]:
    variant = BIAS.with_(*_filter(per_movie, tagged=tagged))
    ran = study.run(variant, upto="split")
    return pd.read_parquet(ran.file(paths.INTERACTIONS)), ran


def _svd(study: Study) -> Results:
    """The published cell on the filtered table, and where that is tiny on all ratings beside it."""
    per_movie, most = _enough(study)
    tables = {"": _filtered_rows(study, per_movie, tagged=True)}
    if per_movie < _PER_MOVIE:
        tables[_ALL_RATINGS] = _filtered_rows(study, _PER_MOVIE, tagged=False)
    found = {
        name: [search(table, FIRST_SEED + seed) for seed in range(study.seeds)]
        for name, (table, _) in tables.items()
    }
    size = f"{len(tables[''][0]):,} ratings"
    if per_movie < _PER_MOVIE:
        size += f", since no movie has more than {most} and {per_movie} had to be enough"
    model = _grid_point(*_BEST)
    honest = study.measure(model)
    future = {FUTURE_SEEN: study.measure(model.with_("split=random_by_user"))}
    filled = {_FILLED: study.measure(model.having(Fault(options=(_FILLED,))))}
    made = {
        "a_svd": (_grid_result(found, size), future),
        "a_svd_filled": (_filled_result(found), filled),
    }
    results = {}
    for row, (result, single) in made.items():
        update = {
            "honest": honest.estimates(_ERRORS),
            "worth": effects(honest, single, _ERRORS),
            "settings": _known(row, _of_search(per_movie)),
        }
        results[row] = result.model_copy(update=update)
    return {**results, "a_svd_top": _top(*list(tables.values())[-1])}


#: searches by table, one per seed; the filtered table has the name ""
Searches = Mapping[str, Sequence[Search]]


def _grid_result(found: Searches, size: str) -> Result:
    """The best figure of the grid, and the seconds of the whole cell."""
    figures_of = {name: _of_grid(searches) for name, searches in found.items()}
    places = ", ".join(f"{one.factors} and {one.epochs}" for one in found[""])
    shown = (
        f"On {size}; best by seed: {places} factors and epochs. It is chosen on the folds that it "
        "is reported on. Seconds are twelve fits, a refit and all pairs, as printed."
    )
    also = {name: _estimates(of) for name, of in figures_of.items() if name}
    return Result(same=figures_of[""], also=also, shown=shown)


def _filled_result(found: Searches) -> Result:
    """Errors over pairs without a rating, and those of the same refit on its own ratings."""
    figures_of = {name: _of_filled(searches) for name, searches in found.items()}
    own = found[""]
    shown = (
        f"{own[0].pairs:,} pairs without a rating, whose truth Surprise takes to be the mean of "
        "all ratings: the figure says how close predictions stay to the mean. A model that "
        "always predicts it has an error of 0. Nothing is held out from the refit."
    )
    also = {name: _estimates(of) for name, of in figures_of.items() if name}
    of_train = Estimate(value=float(np.mean([one.of_train for one in own])))
    also["The same refit on its own ratings"] = {"rmse": of_train}
    return Result(same=figures_of[""], also=also, shown=shown)


def _of_search(per_movie: int) -> dict[str, Any]:
    """What a search uses, by the names of settings."""
    return {
        "factors": list(_FACTORS),
        "epochs": list(_EPOCHS),
        "learning rate": _RATE,
        "regularisation": _PENALTY,
        "folds": _FOLDS,
        "rating scale": list(_SCALE),
        "ratings of a user": _PER_USER,
        "ratings of a movie, more than": per_movie - 1,
        "reported rows": "all pairs without a rating",
        "refit on": "all rows",
    }


def _known(row: str, used: Mapping[str, Any]) -> dict[str, Any]:
    """Of what was used, that which the row has a printed setting for."""
    return {name: used[name] for name in SYSTEM.row(row).settings}


def _of_grid(found: Sequence[Search]) -> dict[str, Spread]:
    values = {"rmse": [one.rmse for one in found], SECONDS: [one.seconds for one in found]}
    return {name: spread(of) for name, of in values.items()}


def _of_filled(found: Sequence[Search]) -> dict[str, Spread]:
    columns = zip(*(one.filled for one in found), strict=True)
    return {name: spread(of) for name, of in zip(_ERRORS, columns, strict=True)}


def _estimates(found: Mapping[str, Spread]) -> dict[str, Estimate]:
    return {name: Estimate(value=figure.mean) for name, figure in found.items()}


def _top(ratings: pd.DataFrame, ran: Ran) -> Result:
    """First unrated movies of the user with the published code, or of the last user if fewer."""
    _, algorithm, _ = _searched(ratings, FIRST_SEED)
    users = np.unique(ratings[USER_IDX])
    user = users[min(_CODE, len(users) - 1)]
    rated = ratings.loc[ratings[USER_IDX] == user, ITEM_IDX]
    left = np.setdiff1d(ratings[ITEM_IDX], rated)
    score = np.array([algorithm.predict(user, item).est for item in left])
    raw = pd.read_parquet(ran.file(paths.ITEMS), columns=[TITLE_RAW])[TITLE_RAW]
    ids = pd.read_parquet(ran.file(paths.USERS), columns=[USER_ID])[USER_ID]
    items = left[np.argsort(-score, kind="stable")][:LENGTH]
    listed = tuple(printed_title(str(raw[item])) for item in items)
    shown = (
        f"The printed {_CODE} is a code, the place of a user in the sorted table, and not an id: "
        f"here it is that of user {ids[user]}."
    )
    return Result(
        listed=listed,
        shown=shown,
        settings=_known("a_svd_top", {"user code": _CODE, "length": LENGTH}),
    )


def _lists(study: Study) -> Results:
    """The printed questions, with ids among the features and without."""
    table = joined(study)
    clean = JoinedLists.of(table, _TERMS)
    faulty = replace(clean, ids_as_features=True)
    (love, about), (star, about_star) = (_asked_for(clean, typed) for typed in _TYPED[:2])
    asked = list(dict.fromkeys(table[TITLE]))
    genres = dict(zip(table[TITLE], table[GENRES], strict=True))
    with_ids, without = (
        of_genre_lists(lists, asked, genres, 2 * LENGTH) for lists in (faulty, clean)
    )
    listed = faulty.by_genres(love, 2 * LENGTH)
    others = ", ".join(one.title for one in clean.by_genres(love, 2 * LENGTH))
    shown = (
        f"{about} Without ids: {others}. Ids of users and movies are thousands and genres ones, so "
        "that cosines with ids are close to 1. Figures are means over the lists of all "
        f"{len(asked):,} movies; shared genres are those of both, of those of either."
    )
    worth = tuple(
        FaultEffect(fault="ids_as_features", metric=name, difference=with_ids[name] - without[name])
        for name in with_ids
    )
    used = {
        "length": 2 * LENGTH,
        "cut-off": CUTOFF,
        "columns": "all numbers",
        "TF-IDF terms": _TERMS,
        "stop words": "English, of scikit-learn",
        "genre weight": _WEIGHT,
        "list length": LENGTH,
    }
    made = {
        "a_list_genres": Result(
            same=counts(with_ids),
            honest={name: Estimate(value=value) for name, value in without.items()},
            worth=worth,
            listed=tuple(one.text for one in listed),
            shown=shown,
        ),
        "a_list_tags": Result(
            listed=tuple(one.title for one in clean.by_tags(love, 2 * LENGTH)),
            shown=f"{about} A movie has the tags of its first user.",
        ),
        "a_list_director": Result(
            listed=tuple(clean.by_director(star, LENGTH)),
            shown=f"{about_star} In the order of rows: by user, then movie.",
        ),
        "a_list_combined": Result(
            listed=tuple(faulty.combined(love, LENGTH, _WEIGHT)),
            shown=f"{about} Without ids: " + ", ".join(clean.combined(love, LENGTH, _WEIGHT)) + ".",
        ),
        "a_lookup": Result(shown=_looked_up(clean)),
    }
    return {
        row: result.model_copy(update={"settings": _known(row, used)})
        for row, result in made.items()
    }


def _asked_for(lists: JoinedLists, typed: str) -> tuple[str, str]:
    """The title that is taken for a typed one, or else the one with most rows; and a sentence."""
    if found := lists.find(typed):
        return found, f"'{typed}' is taken for {found}."
    most = str(lists.table[TITLE].value_counts(sort=True).sort_index(kind="stable").idxmax())
    return most, f"No title here is close enough to '{typed}': the list is that of {most}."


def of_genre_lists(
    lists: JoinedLists, asked: Sequence[str], genres: Mapping[str, Collection[str]], k: int
) -> dict[str, float]:
    """Means over the lists of all asked movies: genres in common with a listed one, and cosine."""
    found = [(title, one) for title in asked for one in lists.by_genres(title, k)]
    shares = [jaccard(genres[title], genres[one.title]) for title, one in found]
    cosine = np.mean([one.cosine for _, one in found])
    return {"shared_genres": float(np.mean(shares)), "cosine": float(cosine)}


def _looked_up(lists: JoinedLists) -> str:
    """The printed questions, a misspelt title, and no title."""
    known = lists.table[TITLE].iloc[0]
    typed = (*_TYPED, known[:1] + known[:-1], "qzxqzxqzxqzx")
    found = ((text, lists.find(text)) for text in typed)
    return "; ".join(f"'{text}': {title or 'no movie found'}" for text, title in found) + "."


def _texts(study: Study) -> Results:
    """Genres and tags of every movie encoded once, lists by them, and systems 1.0 and 2.0."""
    ran, table = study.run(_CONTENT), joined(study)
    start = time.perf_counter()
    with contextlib.chdir(ran.folder):
        vectors = genre_and_tag_vectors(read_catalogue(), batch_size=_BATCH)
    seconds = time.perf_counter() - start
    lists = replace(examples.content_lists(ran, _BLOCKS), text=vectors)
    item = example(ran, lists)
    size = {SECONDS: seconds, "rows": float(np.any(vectors, axis=1).sum())}
    size["dimensions"] = float(vectors.shape[1])
    found = {
        "a_list_embedding": lists.by_text(item, LENGTH),
        "a_list_combined2": lists.combined_with_text(item, LENGTH),
    }
    shown: dict[str, Result | str] = {
        row: examples.like_title(ran, item, listing) for row, listing in found.items()
    }
    used = {"model": "all-MiniLM-L6-v2", "batch": _BATCH, "device": "cpu"}
    encoding = Result(same=counts(size), shown=_SMALLER, settings=_known("a_encoding", used))
    # every row has the vector of its movie
    return {"a_encoding": encoding, **shown, **_compared(table, vectors[table[ITEM_IDX]])}


class Answers(NamedTuple):
    """Lists of one system over many asked movies.

    Attributes:
        seconds: per answer, look-up included.
        shared_genres: as `of_genre_lists`.
        diversity: mean share of genres that two movies of a list do not have in common.
        different: movies listed at least once, of the places in all lists.
    """

    seconds: float
    shared_genres: float
    diversity: float
    different: float

    @classmethod
    def of(
        cls,
        answer: Callable[[str], list[str]],
        asked: Sequence[str],
        genres: Mapping[str, Collection[str]],
    ) -> Answers:
        """Ask for a list for each of some titles."""
        start = time.perf_counter()
        lists = [answer(title) for title in asked]
        seconds = (time.perf_counter() - start) / len(asked)
        pairs = zip(asked, lists, strict=True)
        own = [jaccard(genres[title], genres[other]) for title, of in pairs for other in of]
        inner = [
            1 - jaccard(genres[one], genres[other])
            for of in lists
            for one, other in combinations(of, 2)
        ]
        listed = [title for of in lists for title in of]
        different = len(set(listed)) / len(listed)
        return cls(seconds, float(np.mean(own)), float(np.mean(inner)), different)

    @property
    def estimates(self) -> dict[str, Estimate]:
        """The figures by name."""
        return {name: Estimate(value=value) for name, value in self._asdict().items()}


def _compared(table: pd.DataFrame, vectors: np.ndarray) -> Results:
    """Systems 1.0 and 2.0 on the same questions: titles evenly from the sorted table."""
    clean = JoinedLists.of(table, _TERMS)
    titles = list(dict.fromkeys(table[TITLE]))
    asked = titles[:: max(1, len(titles) // _ASKED)]
    genres = dict(zip(table[TITLE], table[GENRES], strict=True))
    systems = {
        "1.0 as printed": partial(_one, replace(clean, ids_as_features=True)),
        "1.0 without ids": partial(_one, clean),
        "2.0": partial(_two, clean, vectors),
    }
    found = {name: Answers.of(answer, asked, genres) for name, answer in systems.items()}
    shown = (
        f"{len(asked)} asked movies, lists of {LENGTH}. Shared genres: mean share of the genres of "
        "an asked and a listed movie that both have; diversity: share that two listed movies do "
        "not have in common; different: movies that are listed at all, of all places."
    )
    one, clean_one, two = found.values()
    claims = (
        f"Diversity of 2.0 {two.diversity:.3f}, of 1.0 {one.diversity:.3f} as printed and "
        f"{clean_one.diversity:.3f} without ids. Accuracy has no figure in the document; genres "
        f"in common with the asked movie: {two.shared_genres:.3f}, {one.shared_genres:.3f} and "
        f"{clean_one.shared_genres:.3f}. An answer takes {two.seconds:.3f} s and {one.seconds:.3f} "
        "s, most of it for the look-up of the title, which both have."
    )
    also = {name: of.estimates for name, of in found.items()}
    return {"a_systems": Result(also=also, shown=shown), "a_claims": claims}


def _one(lists: JoinedLists, typed: str) -> list[str]:
    """An answer of system 1.0, with its slider in the middle."""
    return lists.combined(lists.find(typed) or typed, LENGTH, 0.5)


def _two(lists: JoinedLists, vectors: np.ndarray, typed: str) -> list[str]:
    """An answer of system 2.0."""
    title = lists.find(typed) or typed
    lead = lists.by_director(title, LEAD)
    rest = [one.title for one in lists.by_vectors(vectors, title, 2 * LENGTH)]
    return [*lead, *(name for name in rest if name not in lead)][:LENGTH]


def example(ran: Ran, lists: PublishedLists) -> int:
    """The most rated movie whose director has another one here; of all, if none has."""
    known = pd.Series(lists.director)
    several = known[known > 0].duplicated(keep=False)
    items = examples.most_rated_first(ran)
    return int(([item for item in items if several.get(item, False)] or items)[0])


def _apps(study: Study) -> Results:
    """What is typed into the published apps: a user id, and a title."""
    user = examples.for_typed_user(study.run(_grid_point(*_BEST)), "svd")
    slid = examples.for_typed_title(study.run(_CONTENT), CONTENT, (0.0, 1.0))
    with_text = study.run(_CONTENT.with_("evaluate.similarity=text"))
    return {
        "a_app1": f"{user} {slid}",
        "a_app2": f"{user} {examples.for_typed_title(with_text, TEXT)}",
    }


PARTS: Parts = {
    ("a_join", "a_titles", "a_directors", "a_aggregation"): _data,
    ("a_sparsity",): sparsity,
    ("a_eda_years",): _years,
    ("a_svd", "a_svd_filled", "a_svd_top"): _svd,
    ("a_list_genres", "a_list_tags", "a_list_director", "a_list_combined", "a_lookup"): _lists,
    ("a_encoding", "a_list_embedding", "a_list_combined2", "a_systems", "a_claims"): _texts,
    ("a_app1", "a_app2"): _apps,
    **ml20m_networks.PARTS,
}
