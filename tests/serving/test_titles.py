"""Look-up of typed titles, and the examples in the docstrings of serving."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from real_tables import tables_of

from reelbench.serving import descriptions, recommend
from reelbench.serving.titles import TitleLookup

ITEMS = pd.DataFrame(
    {
        "title": ["The Matrix", "Heat", "Amélie", "Titanic", "Titanic", "Heat 2"],
        "year": pd.array([1999, 1995, 2001, 1953, 1997, None], dtype="Int16"),
        "aka": [[], [], np.array(["Le Fabuleux Destin d'Amélie Poulain"]), [], [], []],
    }
)


@pytest.fixture(scope="module")
def lookup() -> TitleLookup:
    return TitleLookup(ITEMS)


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("matrix, the (1999)", 0),
        ("the martix", 0),
        ("heat", 1),
        ("AMELIE", 2),
        ("le fabuleux destin d amelie poulain", 2),
        ("titanic", 3),
        ("Titanic (1997)", 4),
        ("Titanic (2024)", 3),
    ],
)
def test_the_closest_title_is_found(lookup: TitleLookup, text: str, item: int) -> None:
    found = lookup.find(text)
    assert found is not None
    assert (found.item_idx, found.title) == (item, ITEMS["title"][item])
    assert 0.5 <= found.similarity <= 1


def test_a_miss_has_nearest_titles_each_movie_once(lookup: TitleLookup) -> None:
    near = [found.item_idx for found in lookup.nearest("fabuleux destin", 3)]
    assert near[0] == 2 and len(set(near)) == 3
    assert [found.item_idx for found in lookup.nearest("heat", 2)] == [1, 5]
    assert TitleLookup(ITEMS.iloc[:0]).nearest("heat", 3) == []
    similarity = [found.similarity for found in lookup.nearest("titan", 6)]
    assert similarity == sorted(similarity, reverse=True) and similarity[0] <= 1


def test_of_one_title_and_year_the_movie_with_more_ratings_is_meant() -> None:
    counted = TitleLookup(ITEMS, np.array([0, 0, 0, 3, 9, 0]))
    for text, item in (("titanic", 4), ("titanic (1953)", 3), ("titanic (2024)", 4)):
        found = counted.find(text)
        assert found is not None and found.item_idx == item


def test_similarity_is_twice_the_common_letters_over_all(lookup: TitleLookup) -> None:
    found = lookup.find("hxt")
    assert found is not None
    assert (found.item_idx, found.similarity) == (1, pytest.approx(2 * 2 / 7))
    assert lookup.find("hxt", cutoff=0.6) is None


NUMBERED = [
    *("M*A*S*H", "MASH", "mash", "Heat", "HEAT!", "Alien", "Aliens", "$", "???", "Se7en", "Seven"),
    *("Rocky", "Rocky II", "Rocky III", "Rocky V", "Ocean's Eleven", "Ocean's Twelve", "Henry V"),
    *("2001: A Space Odyssey", "Fantastic Four", "Friday the 13th", "Lethal Weapon 2", "Malcolm X"),
    *("Air Force Two", "The Shawshank Redemption", "Apollo 13", "Los Amélies", "Los Amelies"),
]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        *((title, title) for title in NUMBERED),
        *(("rocky 3", "Rocky III"), ("Rocky 5", "Rocky V"), ("rokcy iii", "Rocky III")),
        *(("Rocky 4", None), ("Rocky IV", None), ("Rocky VI", None), ("Rokcy 4", None)),
        *(
            ("Lethal Weapon", None),
            ("Lethal Weapon 3", None),
            ("Lethal Wepon 2", "Lethal Weapon 2"),
        ),
        *(("Ocean's 11", "Ocean's Eleven"), ("oceans elevn", "Ocean's Eleven")),
        *(("Ocean's 13", None), ("fantastic 4", "Fantastic Four"), ("friday the 12th", None)),
        *(("Air Force Ten", None), ("Apollo 12", None), ("apolo 13", "Apollo 13")),
        ("The Shawshank Redemtion 1994", "The Shawshank Redemption"),
        *(("alein", "Alien"), ("heat", "Heat"), ("M.A.S.H", "M*A*S*H"), ("SEVEN", "Seven")),
        *(("malcom x", "Malcolm X"), ("2001: A Space Odissey", "2001: A Space Odyssey")),
    ],
)
def test_what_is_typed_exactly_wins_and_another_number_is_another_title(
    text: str, title: str | None
) -> None:
    items = pd.DataFrame({"title": NUMBERED, "year": [1994] * len(NUMBERED)})
    found = TitleLookup(items).find(text, 0.8)
    assert (None if found is None else found.title) == title


def test_a_year_that_is_typed_wins_over_the_spelling() -> None:
    items = pd.DataFrame({"title": ["Amelie", "Amélie"], "year": [1999, 2001]})
    found = TitleLookup(items).find("Amelie (2001)")
    assert found is not None and found.item_idx == 1


@pytest.mark.parametrize("text", ["", "   ", "()", "zzzzqqqq", "(1999)"])
def test_what_is_like_no_title_finds_none(lookup: TitleLookup, text: str) -> None:
    assert lookup.find(text) is None


def test_a_cutoff_off_the_scale_is_an_error(lookup: TitleLookup) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        lookup.find("heat", cutoff=50)


def test_an_empty_catalogue_and_one_without_other_titles() -> None:
    assert TitleLookup(ITEMS.iloc[:0]).find("heat") is None
    found = TitleLookup(ITEMS.drop(columns="aka")).find("amelie")
    assert found is not None and found.item_idx == 2


def test_typing_errors_in_ml_latest_small(ml_latest_small: Path) -> None:
    """A letter left out: the movie is still found in nine cases of ten."""
    items = tables_of("ml-latest-small", ml_latest_small)["items"]
    lookup = TitleLookup(items)
    picked = items[items["title"].str.len() >= 8].sample(150, random_state=0)
    hits = 0
    for row, title in zip(picked.index, picked["title"], strict=True):
        found = lookup.find(title[:3] + title[4:])
        hits += found is not None and items["title"][found.item_idx] == items["title"][row]
    assert hits >= 135
    assert lookup.find("qzxw vvkjq") is None


def test_examples_in_docstrings() -> None:
    for module in (recommend, descriptions):
        result = doctest.testmod(module)
        assert result.attempted and not result.failed, module.__name__
