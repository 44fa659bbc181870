"""Everything that answers need: catalogue, ratings of train, trained models, feature blocks."""

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from scipy import sparse

from reelbench import columns as col
from reelbench import paths
from reelbench.data.identity import mismatch, read_data
from reelbench.data.interactions import Ids, Interactions
from reelbench.features.block import Block, read_block
from reelbench.files import read_json, read_json_if_any
from reelbench.serving import AskError, UnknownTitleError
from reelbench.serving.similarity import ContentLists, LikedTogether, Mixed, positive_cosines
from reelbench.serving.stars import Stars
from reelbench.serving.titles import TitleLookup
from reelbench.serving.trained_models import DEMOGRAPHICS, TrainedModels

# lowest similarity at which a title is taken for another: two typing errors in ten letters
_CUTOFF = 0.8
_LINKS = {"movieId": col.ITEM_ID, "imdbId": "imdb", "tmdbId": "tmdb"}
_BLOCKS = ("genres", "tags", "directors", "cast", "text", DEMOGRAPHICS)


@dataclass(frozen=True)
class Library:
    """The results of a pipeline run. `read` takes a second; models are loaded on first use."""

    root: Path  # folder of the project
    ids: Ids  # sizes and rating scale
    items: pd.DataFrame  # `item_id`, `title`, `year`, `genres`, `aka`; row number = `item_idx`
    users: pd.DataFrame  # `user_id` and the other columns of users; row number = `user_idx`
    train: Interactions  # the ratings that models have learned from
    valid: Interactions  # the ratings that choices were made by
    #: boolean CSR (n_users + 1, n_items), rated in train or valid; last row: the unknown user's
    seen: sparse.csr_array

    @classmethod
    def read(cls, root: Path = Path()) -> Self:
        """Read what `clean` and `split` wrote into a folder; an AskError if missing or stale."""
        needed = (paths.CATALOGUE, paths.ITEMS, paths.USERS, paths.TRAIN, paths.VALID)
        if missing := [str(file) for file in needed if not (root / file).is_file()]:
            raise AskError(
                f"{missing[0]} does not exist in {root.resolve()}: "
                "run `make repro` in the folder of the project first"
            )
        if reason := mismatch(root):
            raise AskError(reason)
        sizes = read_json(root / paths.CATALOGUE)
        ids = Ids(*(sizes[key] for key in ("n_users", "n_items", "rating_min", "rating_max")))
        train, valid = (Interactions.from_parquet(root / f) for f in (paths.TRAIN, paths.VALID))
        shape = (ids.n_users + 1, ids.n_items)
        return cls(
            root,
            ids,
            _items(root / paths.ITEMS),
            _by_index(root / paths.USERS, col.USER_IDX).astype({col.USER_ID: str}),
            train,
            valid,
            sparse.csr_array(train.seen(*shape) + valid.seen(*shape)),
        )

    @property
    def implicit(self) -> bool:
        """Whether the data have no ratings: each is 1, so that a mean says nothing."""
        return self.ids.rating_min == self.ids.rating_max

    @cached_property
    def models(self) -> TrainedModels:
        """The trained models by name."""
        return TrainedModels(self.root, self.ids)

    @cached_property
    def count(self) -> np.ndarray:
        """Number of ratings in train, int64 (n_items,)."""
        return np.bincount(self.train.item_idx, minlength=self.ids.n_items)

    @cached_property
    def mean(self) -> np.ndarray:
        """Mean rating in train, float64 (n_items,), NaN without any."""
        total = np.bincount(self.train.item_idx, self.train.rating, minlength=self.ids.n_items)
        nothing = np.full(self.ids.n_items, np.nan)
        return np.divide(total, self.count, out=nothing, where=self.count > 0)

    @cached_property
    def titles(self) -> TitleLookup:
        """Look-up of typed titles."""
        return TitleLookup(self.items, self.count)

    @cached_property
    def blocks(self) -> dict[str, Block]:
        """The feature blocks for answers that the run has built of these data, by name."""
        own, found = read_data(self.root)["data_hash"], {}
        for name in _BLOCKS:
            file = self.root / paths.feature_block(name)
            key = read_json_if_any(self.root / paths.block_key(name))
            if file.is_file() and key.get("data_hash", own) == own:
                found[name] = read_block(file)
        return found

    @cached_property
    def content(self) -> ContentLists:
        """Similarity of movies by metadata."""
        return ContentLists.of(self.blocks, self.ids.n_items)

    @cached_property
    def liked_together(self) -> LikedTogether:
        """Similarity of movies by the users who like them."""
        return LikedTogether.of(self.train, self.ids)

    @cached_property
    def mixed(self) -> Mixed:
        """Similarity of movies by metadata and by users together; takes a second."""
        sources = dict(self.content.sources())
        sources["likes"] = lambda item: self.liked_together.between(np.array([item]))[0]
        if "ease" in self.models.names:
            ease, best = self.models.get("ease"), [self.ids.rating_max]
            # who has rated this movie alone gets its row of weights
            sources["ease"] = lambda item: np.maximum(ease.fold_in([item], best).score([-1])[0], 0)
        for name in self.models.quick:
            if (vectors := self.models.get(name).item_vectors()) is not None:
                length = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
                sources[name] = partial(positive_cosines, (vectors / length).astype(np.float32))
                break
        return Mixed.of(sources, self.train, self.valid, self.ids)

    @cached_property
    def stars(self) -> Stars | None:
        """Predicted ratings with intervals; None without a model for them. Takes seconds."""
        return Stars.of(self.models, self.train, self.valid)

    @cached_property
    def directors(self) -> list[str]:
        """Name of each movie's director, empty where it is unknown or is no name."""
        block = self.blocks.get("directors")
        if block is None:
            return [""] * self.ids.n_items
        names = ["" if str(name).startswith(col.ID_MARK) else str(name) for name in block["names"]]
        return [names[number] for number in block["director"]]

    @cached_property
    def actors(self) -> list[str]:
        """Names, or marked ids, in the order of the columns of `content.actors`."""
        block = self.blocks.get(col.CAST, {})
        return block["terms"][block["roles"] == col.CAST].tolist() if block else []

    @cached_property
    def links(self) -> dict[str, dict[str, str]]:
        """`item_id` → ids at `imdb` and `tmdb`, of movies for which MovieLens names them."""
        file = self.root / paths.RAW / "links.csv"
        if not file.is_file():
            return {}
        table = pd.read_csv(file, dtype=str, usecols=list(_LINKS)).rename(columns=_LINKS)
        table["imdb"] = "tt" + table["imdb"]
        own = table[["imdb", "tmdb"]].to_dict("records")
        return {
            item: {str(name): value for name, value in ids.items() if pd.notna(value)}
            for item, ids in zip(table[col.ITEM_ID].tolist(), own, strict=True)
        }

    @cached_property
    def _user_rows(self) -> dict[str, int]:
        return {user_id: row for row, user_id in enumerate(self.users[col.USER_ID].tolist())}

    def user(self, user_id: str) -> int:
        """`user_idx` of an id, or -1 if the data set does not have it."""
        return self._user_rows.get(user_id.strip(), -1)

    def rated(self, user: int) -> tuple[np.ndarray, np.ndarray]:
        """Items, int64, and ratings, float64, of a user in train; both empty for user -1."""
        own = self.train.user_idx == user
        return self.train.item_idx[own].astype(np.int64), self.train.rating[own].astype(np.float64)

    def movie(self, text: str) -> tuple[int, str]:
        """`item_idx` of the movie whose title was typed, and a note if that is not quite its title.

        "The" and the year may be left out. Where no title is close enough, the UnknownTitleError
        names the closest ones.
        """
        tried = [self.titles.find(name, _CUTOFF) for name in (text, f"The {text}")]
        found = max(filter(None, tried), key=lambda one: one.similarity, default=None)
        if found is None:
            near = [self.title(other.item_idx) for other in self.titles.nearest(text, 5)]
            hint = f"; the closest titles are: {'; '.join(near)}" if near else ""
            raise UnknownTitleError(f"no movie is called '{text}'{hint}")
        exact = found.similarity == 1
        note = "" if exact else f"'{text}' was read as {self.title(found.item_idx)}."
        return found.item_idx, note

    @cached_property
    def genres(self) -> list[tuple[str, ...]]:
        """Genres of every movie."""
        return [tuple(map(str, own)) for own in self.items[col.GENRES]]

    def title(self, item: int, *details: str) -> str:
        """Title of a movie with its year and further details in brackets."""
        _, title, year = self.rows[item]
        inner = ", ".join([str(year), *details] if year else details)
        return f"{title} ({inner})" if inner else title

    @cached_property
    def rows(self) -> list[tuple[str, str, int | None]]:
        """Id, title and year of every movie; None for an unknown year."""
        ids, titles = self.items[col.ITEM_ID].tolist(), self.items[col.TITLE].astype(str).tolist()
        years = [None if pd.isna(year) else int(year) for year in self.items[col.YEAR]]
        return list(zip(ids, titles, years, strict=True))


def _items(file: Path) -> pd.DataFrame:
    """Items with the columns that answers need, empty where the data set lacks them."""
    items = _by_index(file, col.ITEM_IDX)
    nothing = pd.Series([()] * len(items), dtype=object)
    lists = {name: items.get(name, nothing) for name in (col.GENRES, col.AKA)}
    year = pd.to_numeric(items.get(col.YEAR, pd.Series([None] * len(items)))).astype("Int16")
    return items.assign(**{**lists, col.YEAR: year, col.ITEM_ID: items[col.ITEM_ID].astype(str)})


def _by_index(file: Path, index: str) -> pd.DataFrame:
    return pd.read_parquet(file).sort_values(index).reset_index(drop=True)
