"""Directors by title and year: exact, alike, and never a row more or less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from places import shared

from reelbench.data import DataError
from reelbench.data.clean.enrich import Enriched, ListConfig, enrich, normalised
from reelbench.data.clean.titles import parse_title

COLUMNS = {
    "title_raw": "Series_Title",
    "year": "Released_Year",
    "director": "Director",
    "overview": "Overview",
}
HEADER = "Series_Title,Released_Year,Director,Overview\n"


def config(path: Path, cutoff: float = 92, year_tolerance: int = 1) -> ListConfig:
    return ListConfig(path=str(path), columns=COLUMNS, cutoff=cutoff, year_tolerance=year_tolerance)


def items(*titles: str, **more: list[Any]) -> pd.DataFrame:
    parsed = [parse_title(title) for title in titles]
    return pd.DataFrame(
        {
            "item_id": [str(i) for i in range(len(titles))],
            "title": [title.title for title in parsed],
            "aka": [list(title.aka) for title in parsed],
            "year": pd.Series([title.year for title in parsed], dtype="Int16"),
            **more,
        }
    )


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def call(rows: str, movies: pd.DataFrame, **options: Any) -> Enriched:
        (tmp_path / "list.csv").write_text(HEADER + rows, encoding="utf-8")
        return enrich(movies, config(tmp_path / "list.csv", **options))

    return call


def directors(found: Enriched) -> list[str | None]:
    return [None if pd.isna(d) else d for d in found.items["director"]]


def test_same_title_and_year(run: Any) -> None:
    movies = items("Usual Suspects, The (1995)", "Heat (1995)", "Heat (1986)", "Heat")
    found = run("The Usual Suspects,1995,Bryan Singer,Five men\nHeat,1995,Michael Mann,\n", movies)
    assert directors(found) == ["Bryan Singer", "Michael Mann", None, None]
    assert found.items["overview"][0] == "Five men"
    assert found.counts["items_exact"] == 2
    assert found.counts["match_rate"] == 0.5
    assert len(found.fuzzy) == 0


def test_accents_case_punctuation_and_other_titles(run: Any) -> None:
    movies = items(
        "Amelie (Fabuleux destin d'Am\u00e9lie Poulain, Le) (2001)", "WALL\u00b7E (2008)"
    )
    rows = "Le fabuleux destin d'Amelie Poulain,2001,Jeunet,\nwall e,2008,Stanton,\n"
    assert directors(run(rows, movies)) == ["Jeunet", "Stanton"]


def test_duplicate_titles_stay_apart_and_both_are_enriched(run: Any) -> None:
    movies = items("Chasing Amy (1997)", "Hamlet (1996)", "Chasing Amy (1997)", "Hamlet (2000)")
    found = run("Chasing Amy,1997,Kevin Smith,\nHamlet,1996,Kenneth Branagh,\n", movies)
    assert found.items["item_id"].tolist() == ["0", "1", "2", "3"]
    assert directors(found) == ["Kevin Smith", "Kenneth Branagh", "Kevin Smith", None]


def test_entries_that_cannot_be_told_apart_are_not_used(run: Any) -> None:
    found = run("Drishyam,2013,A,\nDrishyam,2013,B,\n", items("Drishyam (2013)"))
    assert directors(found) == [None]
    assert found.counts["list_rows"] == 2
    assert found.counts["list_rows_usable"] == 0


def test_alike_titles_above_the_cutoff_are_listed(run: Any) -> None:
    rows = "Seven Samurais,1954,Kurosawa,\nRashomon,1950,Kurosawa,\nApollo 13,PG,Howard,\n"
    movies = items("Seven Samurai (1954)", "Rashomon (1951)", "Rashomon (1960)", "Apollo 13 (1995)")
    found = run(rows, movies)
    assert directors(found) == ["Kurosawa", "Kurosawa", None, None]
    assert found.fuzzy.to_dict("list") == {
        "item_id": ["0", "1"],
        "title": ["Seven Samurai", "Rashomon"],
        "year": [1954, 1951],
        "list_title": ["Seven Samurais", "Rashomon"],
        "list_year": [1954, 1950],
        "score": [96.3, 100.0],
    }
    assert found.counts["items_fuzzy"] == 2
    assert directors(run(rows, movies, cutoff=97, year_tolerance=0)) == [None] * 4


def test_an_entry_that_matched_exactly_is_alike_to_nothing_else(run: Any) -> None:
    movies = items("Toy Story 2 (1999)", "Toy Story 3 (1999)")
    assert directors(run("Toy Story 2,1999,Lasseter,\n", movies, cutoff=80)) == ["Lasseter", None]


def test_a_director_of_the_source_stays(run: Any) -> None:
    movies = items("Heat (1995)", "Alien (1979)", director=["own", None])
    found = run("Heat,1995,Mann,\nAlien,1979,Scott,\n", movies)
    assert directors(found) == ["own", "Scott"]


def test_order_of_the_list_does_not_matter(run: Any) -> None:
    rows = ["Aliens,1986,Cameron,\n", "Alienz,1986,Other,\n", "Alien,1979,Scott,\n"]
    movies = items("Aliens (1986)", "Alien (1979)")
    one, other = (run("".join(rows[::step]), movies) for step in (1, -1))
    pd.testing.assert_frame_equal(one.items, other.items)


def test_no_file_and_no_column_are_named(tmp_path: Path) -> None:
    nothing = config(tmp_path / "x.csv").model_copy(update={"path": None})
    with pytest.raises(DataError, match=r"enrich\.list\.path=FILE"):
        enrich(items("Heat (1995)"), nothing)
    with pytest.raises(DataError, match=r"x\.csv is missing"):
        enrich(items("Heat (1995)"), config(tmp_path / "x.csv"))
    (tmp_path / "x.csv").write_text("Series_Title,Released_Year,Overview\nHeat,1995,\n")
    with pytest.raises(DataError, match="no column 'Director'"):
        enrich(items("Heat (1995)"), config(tmp_path / "x.csv"))


def test_normalised() -> None:
    assert normalised("L\u00e9on: The Professional") == "leon the professional"
    assert normalised("Lock, Stock & Two Smoking Barrels") == "lock stock and two smoking barrels"
    assert normalised("Schindler's List") == normalised("Schindlers List")


def test_ml_latest_small_with_the_published_list() -> None:
    movies, listed = shared("ml-latest-small/movies.csv"), shared("imdb_top_1000.csv")
    frame = items(*pd.read_csv(movies)["title"])
    found = enrich(frame, config(listed))
    assert found.counts["list_rows"] == 1000
    assert found.counts["list_rows_usable"] == 999  # "Apollo 13" has the year "PG"
    assert found.counts["list_rows_matched"] > 650
    assert found.items.loc[found.items["title"] == "Toy Story", "director"].tolist() == [
        "John Lasseter"
    ]
    assert found.items["title"].equals(frame["title"])
    assert len(found.fuzzy) == found.counts["items_fuzzy"] < 60
