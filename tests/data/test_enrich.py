"""Directors by title and year: exact, alike, and never a row more or less."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from places import ROOT, shared

from reelbench.data import DataError, schema
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


def listed(path: Path, **columns: Any) -> ListConfig:
    names = {"title_raw": "title", "year": "date", **columns}
    return ListConfig(path=str(path), columns=names, cutoff=92, year_tolerance=1)


LIST = {
    "title": ["Heat", "Alien", "Casino"],
    "date": ["1995-12-15", "1979", "1995"],
    "star1": ["Al Pacino", "Sigourney Weaver", "Robert De Niro"],
    "star2": ["Robert De Niro", None, "Sharon Stone"],
    "words": [[{"id": 1, "name": "heist"}, {"id": 2, "name": "cop"}], [], [{"name": "casino"}]],
    "minutes": ["170 min", "117", None],
}


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_any_file_with_several_columns_json_lists_and_numbers(tmp_path: Path, ending: str) -> None:
    file, frame = tmp_path / f"list.{ending}", pd.DataFrame(LIST)
    if ending == "csv":
        frame.assign(words=frame["words"].map(json.dumps)).to_csv(file, index=False)
    elif ending == "parquet":
        frame.to_parquet(file)
    else:
        frame.to_json(file, orient="records", lines=True)
    movies = items("Heat (1995)", "Alien (1979)", "Rashomon (1950)", genres=[["Crime"], [], []])
    columns = {"cast": ("star1", "star2"), "keywords": "words", "runtime": "minutes"}
    found = enrich(movies, listed(file, **columns, genres="words"))
    assert found.items["cast"].tolist() == [
        ["Al Pacino", "Robert De Niro"],
        ["Sigourney Weaver"],
        [],
    ]
    assert found.items["keywords"].tolist() == [["heist", "cop"], [], []]
    assert found.items["runtime"].fillna(0).tolist() == [170, 117, 0]
    assert found.items["genres"].tolist() == [["Crime"], [], []]  # its own, and none in the list
    assert found.counts["filled"] == {"cast": 2, "keywords": 1, "runtime": 2, "genres": 0}
    table = schema.to_arrow(found.items)
    assert str(table.schema.field("runtime").type) == "float"


def test_years_in_titles_serve_where_the_list_has_no_column_of_them(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text('title,by\n"Usual Suspects, The (1995)",Singer\nHeat,Mann\n')
    movies = items("The Usual Suspects (1995)", "Heat (1995)")
    assert directors(enrich(movies, listed(file, year=None, director="by"))) == ["Singer", None]
    with pytest.raises(DataError, match="the title is needed"):
        enrich(movies, listed(file, title_raw=None))


def test_ids_of_people_get_the_names_that_fit_them_alone(tmp_path: Path) -> None:
    """De Niro is in both of his movies; Pacino and Stone in one each, among others."""
    file = tmp_path / "list.csv"
    pd.DataFrame(LIST).drop(columns="words").to_csv(file, index=False)
    own = [["id:p", "id:n", "id:x"], ["id:w"], ["id:n", "id:s"], ["id:n", "id:w"]]
    movies = items("Heat (1995)", "Alien (1979)", "Casino (1995)", "Other (1990)", cast=own)
    found = enrich(movies, listed(file, cast=("star1", "star2")))
    assert found.items["cast"].tolist() == [
        ["id:p", "Robert De Niro", "id:x"],
        ["Sigourney Weaver"],
        ["Robert De Niro", "id:s"],
        ["Robert De Niro", "Sigourney Weaver"],
    ]
    assert found.counts["filled"] == {"cast": 0}


@pytest.mark.parametrize(
    ("preset", "file", "matched"),
    [
        ("imdb-top-1000", "imdb_top_1000.csv", 844),
        ("tmdb-5000", "tmdb-5000/tmdb_5000_movies.csv", 3490),
    ],
)
def test_the_presets_read_their_files(preset: str, file: str, matched: int) -> None:
    conf = yaml.safe_load((ROOT / "conf" / "enrich" / f"{preset}.yaml").read_text("utf-8"))
    frame = items(*pd.read_csv(shared("ml-latest-small/movies.csv"))["title"])
    found = enrich(frame, ListConfig(**conf["list"] | {"path": str(shared(file))}))
    assert len(frame) - found.counts["items_unmatched"] == matched
    toy = found.items.set_index("title").loc["Toy Story"]
    assert len(toy["genres"]) == 3 and toy["runtime"] == 81
