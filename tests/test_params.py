"""params.yaml sections: typed, closed, and with messages that name key, file and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import PositiveInt

from reelbench import params
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
