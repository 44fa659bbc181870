"""params.yaml sections: typed, closed, and with messages that name key, file and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import PositiveInt

from reelbench import environment, params
from reelbench.params import ParamsError, Section


class Inner(Section):
    depth: int


class Sample(Section):
    factors: PositiveInt
    learning_rate: float
    tower: Inner | None = None
    inner: Inner = Inner(depth=1)


def write(folder: Path, text: str) -> Path:
    file = folder / "params.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_values_are_typed_and_frozen(tmp_path: Path) -> None:
    file = write(tmp_path, "models: {svd: {factors: 8, learning_rate: 1e-5}}\n")
    config = params.load("models.svd", Sample, file)
    assert (config.factors, config.learning_rate) == (8, 1e-5)
    with pytest.raises(ValueError, match="frozen"):
        config.factors = 9


@pytest.mark.parametrize("text", ["1e-5", "1.0e-05", "1E-5", "0.00001", "+1e-5"])
def test_scientific_notation_is_a_number_without_any_typed_config(
    tmp_path: Path, text: str
) -> None:
    value = params.read(write(tmp_path, f"a: {text}\n"))["a"]
    assert isinstance(value, float) and value == pytest.approx(1e-5)


@pytest.mark.parametrize("text", ["e5", "1e", "x1e-5", "ml-100k", "'1e-5'"])
def test_text_stays_text(tmp_path: Path, text: str) -> None:
    assert isinstance(params.read(write(tmp_path, f"a: {text}\n"))["a"], str)


def test_typo_names_key_file_and_nearest_key(tmp_path: Path) -> None:
    file = write(tmp_path, "models: {svd: {factorz: 8, learning_rate: 0.1}}\n")
    with pytest.raises(ParamsError) as caught:
        params.load("models.svd", Sample, file)
    message = str(caught.value)
    assert "conf/models/svd.yaml: unknown key 'factorz' (models.svd.factorz)" in message
    assert "did you mean 'factors'?" in message
    assert "missing key 'factors'" in message


def test_typo_in_a_nested_key_is_compared_with_the_nested_names(tmp_path: Path) -> None:
    text = "data: {name: tiny, read: {factors: 1, learning_rate: 1, inner: {dept: 2}}}\n"
    with pytest.raises(ParamsError, match="did you mean 'depth'") as caught:
        params.load("data.read", Sample, write(tmp_path, text))
    assert str(caught.value).startswith("conf/data/tiny.yaml: ")


def test_wrong_type_shows_the_value(tmp_path: Path) -> None:
    file = write(tmp_path, "split: {name: random, factors: many, learning_rate: 0.1}\n")
    with pytest.raises(ParamsError, match=r"conf/split/random.yaml: split.factors: .*'many'"):
        params.load("split", Sample, file)


def test_missing_section_suggests_one(tmp_path: Path) -> None:
    file = write(tmp_path, "models: {svd: {}}\n")
    with pytest.raises(ParamsError, match=r"no section 'models.svt'; did you mean 'svd'"):
        params.load("models.svt", Sample, file)


def test_missing_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="make params"):
        params.read(tmp_path / "params.yaml")


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{chr(ord(name) - 1)}'] * 10)}]\n" for name in "bcdefghij"
)


MERGES = BOMB.replace("[x, x, x", "{k: 1} #").replace("[", "{<<: [").replace("]", "]}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: it is empty"),
        ("- 1\n- 2\n", "line 1: it is a list"),
        ("7\n", "line 1: it is a int"),
        ("data: {name: x\nseed: 3\n", "line 2: did not find expected"),
        ("seed: 1\n<<<<<<< HEAD\nthreads: 2\n=======\n", "line 2: an unresolved conflict of git"),
        ("data:\n\tname: x\n", "line 2: found character"),
        ("seed: !!python/object/apply:os.getcwd []\n", "line 1: could not determine"),
        ("a: 1\nseed: !custom 3\n", "line 2: could not determine a constructor for the tag"),
        ("seed: 1\nthreads: 2\nseed: 3\n", "line 3: the key 'seed' stands there twice"),
        ("a: &a [*a]\n", "maximum recursion depth"),
        ("seed: 2020-13-45\n", "month must be in 1..12"),
        (BOMB, "too many values"),
        (MERGES, "too many values"),
        ("seed: \x00\n", "line 1: not text in UTF-8 (control characters"),
        ("seed: 1\ndata: null\n", "line 2: data: Input should be"),
        ("models: []\n", "line 1: models: Input should be"),
        ("features: null\n", "line 1: features: Input should be"),
        ("evaluate: 3\n", "line 1: evaluate: Input should be"),
        ("seed: many\n", "line 1: seed: Input should be"),
        ("threads: 0\n", "line 1: threads: Input should be"),
        ("split: {a: 1}\n", "line 1: missing key 'name' (split.name)"),
        ("inputs: {svd: ids}\n", "line 1: inputs.svd: Input should be"),
    ],
)
def test_what_is_no_parameters_is_one_sentence_with_line_and_remedy(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(ParamsError) as caught:
        params.read(write(tmp_path, text))
    message = str(caught.value)
    assert f"{tmp_path / 'params.yaml'}" in message and told in message
    assert "run `make params`" in message and "\n" not in message and len(message) < 400


def test_other_encodings_and_a_folder_are_sentences_too(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_bytes(b"seed: 1\nname: caf\xe9\n")
    with pytest.raises(
        ParamsError, match=r"params.yaml, line 2: not text in UTF-8 .*: run `make params`"
    ):
        params.read(file)
    file.unlink()
    file.mkdir()
    with pytest.raises(ParamsError, match=r"is no file .*directory.*make params"):
        params.read(file)


def test_a_section_that_is_missing_is_named_where_it_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="no section 'threads': run `make params`"):
        params.read(write(tmp_path, "seed: 1\n"))["threads"]


def test_a_class_from_elsewhere_is_refused_before_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    entry = "{_target_: elsewhere.Mine}"
    for text in (
        f"models: {{mine: {entry}}}\n",
        f"features: {{mine: {entry}}}\n",
        f"models: {{blend: {{_target_: reelbench.models.Blend, raters: {{mine: {entry}}}}}}}\n",
        "models: {mine: {_target_: reelbench.modelsx.Mine}}\n",
    ):
        with pytest.raises(ParamsError, match=r"is not in reelbench\..*`targets` in conf/config"):
            params.read(write(tmp_path, text))
    allowed = f"targets: [elsewhere]\nmodels: {{mine: {entry}}}\n"
    assert params.read(write(tmp_path, allowed))["models"] == {
        "mine": {"_target_": "elsewhere.Mine"}
    }


@pytest.mark.parametrize(
    "target", ["reelbench.models.nope.X", "reelbench.models.svd.Nope", "os.path"]
)
def test_a_class_that_does_not_exist_is_named(target: str) -> None:
    with pytest.raises(ParamsError, match=f"_target_: .*{target}"):
        params.resolved(target, Section)


@pytest.mark.parametrize(
    "address",
    [
        "http://user:s3cret@host:5000",
        "http://s3cret@host",
        "postgresql+psycopg2://user:s3cret@host/db",
        "mysql://user:s3cret@/s3:cret@host/db",
        "https://user:s3cret%40x@host",
        "https://host/mlflow?token=s3cret",
        "postgresql://host/db?user=u&password=s3cret",
        "mssql://host/db?odbc_connect=PWD%3Ds3cret",
        "user:s3cret@host:5000",
        "http//user:s3cret@host",
    ],
)
def test_a_password_is_refused_and_never_shown(tmp_path: Path, address: str) -> None:
    with pytest.raises(ParamsError) as caught:
        params.read(write(tmp_path, f"tracking: {{name: server, uri: '{address}'}}\n"))
    message = str(caught.value)
    assert message.startswith("conf/tracking/server.yaml: tracking.uri: ")
    assert "MLFLOW_TRACKING_PASSWORD" in message and "s3cret" not in message
    if "://" in address:
        assert "s3cret" not in environment.masked(
            f"API request to {address}/api failed, see {address}"
        )


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:5000", "sqlite:////home/me@work:1/mlflow.db", "postgresql://user@host/db"],
)
def test_an_address_without_password_is_none(tmp_path: Path, address: str) -> None:
    text = f"tracking: {{name: server, uri: '{address}'}}\n"
    assert params.read(write(tmp_path, text))["tracking"]["uri"] == address
