"""RecBole's atomic files, with the traps of MovieLens 100K."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from reelbench.data import DataError
from reelbench.data.clean.tables import canonical
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.data.readers import ReadConfig, read

CONF = Path(__file__).parents[2] / "conf" / "data" / "ml-100k.yaml"
INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
ITEM = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
USER = "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))


@pytest.fixture
def config() -> ReadConfig:
    return ReadConfig(**yaml.safe_load(CONF.read_text(encoding="utf-8"))["read"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ml-100k.inter").write_text(
        INTER + "2\t5\t3\t881250949\n1\t5\t4\t8\n", encoding="utf-8"
    )
    items = [
        "5\tUsual Suspects, The\t1995\tCrime Thriller",
        "267\tunkonwn\tunkonwn\tunknown",
        '1412\tLand Before Time III: "The Time" (1995)\tV\tAnimation Children\'s',
    ]
    (tmp_path / "ml-100k.item").write_text(ITEM + "\n".join(items) + "\n", encoding="utf-8")
    users = "2\t53\tF\tother\t94043\n1\t24\tM\ttechnician\t01234\n"
    (tmp_path / "ml-100k.user").write_text(USER + users, encoding="utf-8")
    return tmp_path


def test_the_traps_of_ml_100k(folder: Path, config: ReadConfig, engine: Engine) -> None:
    result = canonical(read(folder, config, engine), config, engine)
    items = result.tables["items"].to_pydict()
    assert items["title"] == ["The Usual Suspects", "unknown", 'Land Before Time III: "The Time"']
    assert items["title_raw"] == [
        "Usual Suspects, The (1995)",
        "unknown",
        'Land Before Time III: "The Time" (1995) (V)',
    ]
    assert items["year"] == [1995, None, 1995]
    assert items["genres"] == [["Crime", "Thriller"], [], ["Animation", "Children's"]]
    counts = result.counts["items"]
    assert (counts["year_from_column"], counts["year_from_title"], counts["year_unknown"]) == (
        1,
        1,
        1,
    )


def test_users_keep_their_order_and_columns(
    folder: Path, config: ReadConfig, engine: Engine
) -> None:
    tables = canonical(read(folder, config, engine), config, engine).tables
    assert tables["users"].to_pylist() == [
        {"user_idx": 0, "user_id": "2", "age": 53, "gender": "F", "occupation": "other"}
        | {"zip_code": "94043"},
        {"user_idx": 1, "user_id": "1", "age": 24, "gender": "M", "occupation": "technician"}
        | {"zip_code": "01234"},
    ]
    assert tables["interactions"]["user_idx"].to_pylist() == [0, 1]
    assert tables["interactions"]["timestamp"].to_pylist() == [881250949, 8]


def test_a_rating_of_an_unknown_user(folder: Path, config: ReadConfig, engine: Engine) -> None:
    (folder / "ml-100k.inter").write_text(INTER + "2\t5\t3\t8\n3\t5\t3\t8\n", encoding="utf-8")
    where = r"ml-100k.inter, line 3, column user_id:token \(user_id\)"
    with pytest.raises(DataError, match=rf"{where}: '3': user is not in"):
        canonical(read(folder, config, engine), config, engine)


def test_without_a_user_file(folder: Path, config: ReadConfig, engine: Engine) -> None:
    (folder / "ml-100k.user").unlink()
    tables = canonical(read(folder, config, engine), config, engine).tables
    assert tables["users"].to_pylist() == [
        {"user_idx": 0, "user_id": "1"},
        {"user_idx": 1, "user_id": "2"},
    ]


def test_an_age_that_is_no_number(folder: Path, config: ReadConfig, engine: Engine) -> None:
    users = USER + "2\told\tF\tx\t1\n1\t3\tF\tx\t1\n"
    (folder / "ml-100k.user").write_text(users, encoding="utf-8")
    result = canonical(read(folder, config, engine), config, engine)
    assert result.tables["users"]["age"].to_pylist() == [None, 3]
    assert result.counts["users"]["not_clean"] == {"age": 1}
