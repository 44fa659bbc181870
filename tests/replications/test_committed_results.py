"""What the committed results of the replications have to hold."""

from __future__ import annotations

import re

import pytest
from places import ROOT

from replications import tables
from replications.published import Row, System, systems
from replications.results import FOLDER, read_all
from replications.verdicts import Verdict, verdict

RESULTS = read_all(ROOT / FOLDER)
ROWS = [(system, row) for system in systems().values() for row in system.rows]


@pytest.mark.parametrize(("system", "row"), ROWS, ids=lambda value: getattr(value, "id", None))
def test_a_verdict_of_the_committed_results_has_its_reason(system: System, row: Row) -> None:
    found = verdict(system, row, tables.result_of(system, row, RESULTS))
    assert found != Verdict.NOT_RUN
    assert (found == Verdict.DIFFERS) == bool(row.differs), found
    if row.published and found != Verdict.OTHER_DATA:
        assert set(row.published) <= set(RESULTS[system.preset].rows[row.id].same)


@pytest.mark.parametrize(
    ("system", "row"),
    [(system, row) for system, row in ROWS if row.settings],
    ids=lambda value: getattr(value, "id", None),
)
def test_the_settings_of_the_run_are_the_printed_ones(system: System, row: Row) -> None:
    used = RESULTS[system.preset].rows[row.id].settings
    assert set(used) == set(row.settings)
    for name, setting in row.settings.items():
        assert (used[name] == setting.published) == (not setting.differs), name


def test_no_printed_figure_is_missing_on_the_page() -> None:
    for line in tables.lines(systems().values(), RESULTS):
        if line.published != "\u2013":
            assert line.same != "\u2013", line.row


def test_enough_rows_are_exact_or_near() -> None:
    found = tables.counted(systems().values(), RESULTS)
    assert found[Verdict.EXACT] + found[Verdict.NEAR] >= 12


def test_the_readme_counts_the_same_verdicts() -> None:
    text = tables.verdicts(tables.counted(systems().values(), RESULTS))
    readme = re.sub(r"\s+", " ", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert text in readme
