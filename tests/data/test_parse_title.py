"""Titles: a table of real cases, checked by hand, and the laws that hold for every string."""

from __future__ import annotations

import csv
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from reelbench.data.clean.titles import Title, parse_title

CASES = list(csv.DictReader(Path(__file__).with_name("titles.csv").open(encoding="utf-8")))

# pieces that real titles are made of, so that random strings meet the rules often
PIECES = st.sampled_from(
    [
        *("The", "Die", "L'", "Les", "I", "Foo", "2000", "or ", "a.k.a. "),
        *("(", ")", " ", ", ", ",", ": ", "(1995)", "(V)", "(2009\u2013 )"),
        *("&", "&amp;", "&#39;", "\u00e9", "e\u0301", "\u00a0"),
    ]
)
STRINGS = st.one_of(st.text(), st.lists(PIECES, max_size=14).map("".join))


def test_the_table_is_large_enough() -> None:
    assert len(CASES) >= 150
    assert {case["source"] for case in CASES} == {"ml-100k", "ml-latest-small"}


def test_real_titles() -> None:
    for case in CASES:
        year = int(case["year"]) if case["year"] else None
        aka = tuple(case["aka"].split(" | ")) if case["aka"] else ()
        assert parse_title(case["raw"]) == Title(case["title"], year, aka), case["raw"]


def test_rules() -> None:
    cases = [
        # years
        ("Foo (1995) (V)", Title("Foo", 1995)),
        ("Foo (TV) (1995)", Title("Foo", 1995)),
        ("Foo (2009\u2013 )", Title("Foo", 2009)),
        ("Foo (2009-)", Title("Foo", 2009)),
        ("Foo (2006\u20132007)", Title("Foo", 2006)),
        ("Foo (1996/II)", Title("Foo", 1996)),
        ("Foo(1999)", Title("Foo", 1999)),
        ("Foo ( 1999 )", Title("Foo", 1999)),
        ("Foo (1999) (Bar)", Title("Foo", 1999, ("Bar",))),
        ("Foo (2000) (2001)", Title("Foo", 2001, ("2000",))),
        ("Foo (????)", Title("Foo")),
        ("Foo (3000)", Title("Foo", None, ("3000",))),
        ("(1995)", Title("(1995)")),
        # brackets
        ("Foo (Bar (Baz)) (1990)", Title("Foo", 1990, ("Bar", "Baz"))),
        ("Foo ((Bar)) (1990)", Title("Foo", 1990, ("Bar",))),
        ("Foo (Bar (1990)", Title("Foo", 1990, ("Bar",))),
        ("Foo (Bar) (1983))", Title("Foo", 1983, ("Bar",))),
        ("Foo (1990", Title("Foo", 1990)),
        ("Foo )", Title("Foo )")),
        ("Foo (   )", Title("Foo")),
        ("Foo (Foo) (Bar) (Bar)", Title("Foo", None, ("Bar",))),
        ("Foo (a.k.a Bar, The)", Title("Foo", None, ("The Bar",))),
        ("Foo (Akasha)", Title("Foo", None, ("Akasha",))),
        # articles
        ("Die, Mommie, Die (2003)", Title("Die, Mommie, Die", 2003)),
        ("Bar, the", Title("Bar, the")),
        ("Bar,The", Title("Bar,The")),
        ("The", Title("The")),
        (", The", Title(", The")),
        ("Avventura, L\u2019 (1960)", Title("L\u2019Avventura", 1960)),
        ("Foo (1999), The", Title("The Foo", 1999)),
        ("Amigos, Os (Amigas, As)", Title("Os Amigos", None, ("As Amigas",))),
        ("Amici, Gli", Title("Gli Amici")),
        ("Leben, Das", Title("Das Leben")),
        # characters
        ("Tom &amp; Jerry &#39;s", Title("Tom & Jerry 's")),
        ("Tom &amp;amp; Jerry", Title("Tom & Jerry")),
        ("AT&T &copy", Title("AT&T &copy")),
        ("Mise\u0301rables, Les", Title("Les Mis\u00e9rables")),
        ("\ufeff Foo\u00a0\t Bar\u200b \n", Title("Foo Bar")),
        ("", Title("")),
        ("   ", Title("")),
    ]
    for raw, expected in cases:
        assert parse_title(raw) == expected, raw


@settings(max_examples=500, deadline=None)
@given(STRINGS)
def test_never_raises_and_is_idempotent(raw: str) -> None:
    title = parse_title(raw)
    assert parse_title(title.title) == Title(title.title)
    for aka in title.aka:
        assert parse_title(aka) == Title(aka)


@settings(max_examples=200, deadline=None)
@given(STRINGS)
def test_alternatives_are_other_titles(raw: str) -> None:
    title = parse_title(raw)
    assert all(title.aka)
    assert len({title.title, *title.aka}) == 1 + len(title.aka)


@given(st.text(alphabet="Fo ", min_size=1).map(str.strip).filter(bool), st.integers(1888, 2099))
def test_a_year_in_brackets_is_found(name: str, year: int) -> None:
    assert parse_title(f"{name} ({year})") == Title(" ".join(name.split()), year)


def test_deep_nesting_ends() -> None:
    assert parse_title("a (" * 1000 + ")" * 1000).title == "a"
