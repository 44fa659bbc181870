"""System A's lists: of a title, of somebody new, and titles found by what is typed."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.columns import TITLE
from reelbench.serving.similarity import ContentLists, genre_and_tag_vectors
from reelbench.serving.titles import TitleLookup
from replications.catalogue_of import catalogue_of
from replications.list_rows import (
    LENGTH,
    content_lists,
    most_rated_first,
    of_somebody_new,
    of_title,
)
from replications.parts import Part
from replications.result import Result, counted
from replications.rows import System
from replications.study import SECONDS, Study, Variant
from replications.words import with_line
from replications.workspace import Ran

_CONTENT = Variant("content")
_WEIGHT = 0.5
_LISTS = ("a_list_genres", "a_list_tags", "a_list_director", "a_list_combined", "a_lookup")
_SMALLER = (
    "Not the published model: all-MiniLM-L6-v2 of 23 million parameters, and each distinct movie "
    "once, where 1.5 billion parameters encoded every row."
)
_TEXTS = ("a_encoding", "a_list_embedding", "a_list_combined2")


def parts(system: System) -> list[Part]:
    """Lists by what movies have in common, by their texts, and by popularity."""
    return [
        Part(_LISTS, _lists),
        Part(_TEXTS, lambda study: _texts(system, study)),
        Part(("a_cold",), _cold),
    ]


def _example(ran: Ran, lists: ContentLists) -> int:
    """The most rated movie whose director has another one here; of all, if nobody has."""
    known = pd.Series(lists.director)
    several = known[known > 0].duplicated(keep=False)
    counts = most_rated_first(ran)
    with_another = [item for item in counts if several.get(item, False)]
    return int((with_another or counts)[0])


def _lists(study: Study) -> list[Result]:
    ran = study.run(_CONTENT)
    lists = content_lists(ran, ("genres", "tags", "directors"))
    item = _example(ran, lists)
    found = {
        "a_list_genres": lists.by_genres(item, LENGTH),
        "a_list_tags": lists.by_tags(item, LENGTH),
        "a_list_director": lists.by_director(item, LENGTH),
        "a_list_combined": lists.combined(item, LENGTH, _WEIGHT),
    }
    results = [Result(row=row, shown=of_title(ran, item, found[row])) for row in found]
    return [*results, Result(row="a_lookup", shown=_looked_up(ran, item))]


def _looked_up(ran: Ran, item: int) -> str:
    """The title with its first letter twice and its last one missing, and one like no title."""
    items = pd.read_parquet(ran.file(paths.ITEMS))
    title = str(items[TITLE][item])
    lookup = TitleLookup(items)
    answers = []
    for typed in (title[:1] + title[:-1], "qzxqzxqzxqzx"):
        found = lookup.find(typed)
        answers.append(f"'{typed}': {found.title if found else 'no movie found'}")
    return "; ".join(answers) + "."


def _texts(system: System, study: Study) -> list[Result]:
    """Genres and tags of every movie encoded once, and lists by them."""
    ran = study.run(_CONTENT)
    start = time.perf_counter()
    vectors = genre_and_tag_vectors(catalogue_of(ran), batch_size=64)
    seconds = time.perf_counter() - start
    known = content_lists(ran, ("genres", "tags", "directors"))
    lists = ContentLists(known.genres, known.tags, known.overviews, known.director, vectors)
    item = _example(ran, lists)
    same = counted({SECONDS: seconds, "rows": float(np.any(vectors, axis=1).sum())})
    shown = {
        "a_list_embedding": lists.by_text(item, LENGTH),
        "a_list_combined2": lists.combined_with_text(item, LENGTH),
    }
    return [
        with_line(system, Result(row="a_encoding", same=same, shown=_SMALLER)),
        *(Result(row=row, shown=of_title(ran, item, shown[row])) for row in shown),
    ]


def _cold(study: Study) -> list[Result]:
    ran = study.run(Variant("popularity"))
    return [Result(row="a_cold", shown=of_somebody_new(ran, "popularity"))]
