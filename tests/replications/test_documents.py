"""The facts of `replications/NAME.yaml` are in the documents, on the lines they name."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from places import document

from replications.published import Printed, Row, Setting, System, systems

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e-?\d+)?|\.\d+")
# lines of a document after the one that a fact names, which may hold it too
_FIGURES, _LIST, _SETTING = 8, 60, 2


def facts() -> Iterator[tuple[System, Row]]:
    for system in systems().values():
        for row in system.rows:
            yield system, row


def window(system: System, line: int, more: int) -> str:
    """The line of the document, one before it, and some after it."""
    return "\n".join(document(system.system)[max(0, line - 2) : line + more])


def numbers(text: str) -> list[float]:
    # figures of results may be broken by the margin of a page
    return [float(found.replace(",", "")) for found in _NUMBER.findall(text) if found != ","]


def plain(text: str) -> str:
    """Letters and digits alone: lists are broken by quotes, bullets and line ends."""
    return re.sub(r"\W+", "", text).lower()


@pytest.mark.parametrize(
    ("system", "row", "metric"),
    [(s, row, metric) for s, row in facts() for metric in row.published],
    ids=lambda value: getattr(value, "id", getattr(value, "system", value)),
)
def test_a_figure_is_where_the_row_says(system: System, row: Row, metric: str) -> None:
    printed: Printed = row.published[metric]
    size = Printed(str(printed).removeprefix("-"))
    found = [n for line in row.lines for n in numbers(window(system, line, _FIGURES))]
    # shares are printed in per cent in places
    assert any(size.same(number) or size.same(number / 100) for number in found), found


@pytest.mark.parametrize(
    ("system", "row"),
    [(s, row) for s, row in facts() if row.printed],
    ids=lambda value: getattr(value, "id", None),
)
def test_a_text_is_where_the_row_says(system: System, row: Row) -> None:
    text = plain("".join(window(system, line, _LIST) for line in row.lines))
    places = [text.find(plain(printed)) for printed in row.printed]
    assert -1 not in places, row.printed
    assert places == sorted(places), "in another order"


@pytest.mark.parametrize(
    ("system", "row", "name", "setting"),
    [(s, row, name, setting) for s, row in facts() for name, setting in row.settings.items()],
    ids=lambda value: getattr(value, "id", getattr(value, "system", str(value)[:40])),
)
def test_a_setting_is_where_it_says(system: System, row: Row, name: str, setting: Setting) -> None:
    text = window(system, setting.line, _SETTING)
    if setting.word:
        assert plain(setting.word) in plain(text)
        return
    values = setting.published if isinstance(setting.published, list) else [setting.published]
    assert all(isinstance(value, int | float | str) for value in values), "it needs a word"
    for value in values:
        if isinstance(value, str):
            assert plain(value) in plain(text)
        else:
            assert any(float(value) == number for number in numbers(text)), text
