"""The published rows are all there, and a page shows every one of them."""

from __future__ import annotations

import pytest

from reelbench.params import ParamsError
from replications import table
from replications.markdown import render
from replications.result import Report, Result, Spread
from replications.rows import Row, system, systems


def test_every_row_of_every_table() -> None:
    steps = {s.system: len(dict.fromkeys(row.step for row in s.rows)) for s in systems()}
    assert steps == {"A": 17, "B": 6, "C": 12, "D": 7, "E": 4}
    assert {s.system: len(s.rows) for s in systems()} == {"A": 39, "B": 7, "C": 17, "D": 13, "E": 8}


def test_rows_have_ids_of_their_own_that_name_the_system() -> None:
    ids = [row.id for s in systems() for row in s.rows]
    assert len(ids) == len(set(ids))
    assert all(row.id.startswith(f"{s.system.lower()}_") for s in systems() for row in s.rows)


def test_published_figures() -> None:
    svds = system("latest_small_temporal").row("b_svds")
    assert svds.published == {"rmse": 0.9628, "mae": 0.7459, "n_test": 8886}
    assert system("tmdb_titles").row("d_glove").published["r2"] == -1.6241
    assert len([row for s in systems() for row in s.rows if row.published]) == 29


def test_a_figure_needs_its_protocol() -> None:
    with pytest.raises(ValueError, match="belong together"):
        Row(id="x", step="x", what="x", published={"rmse": 1.0})


def test_an_unknown_preset_is_named() -> None:
    with pytest.raises(ParamsError, match=r"no replication 'golden'; there are ml20m_hybrid"):
        system("golden")


def test_the_page_shows_every_row_run_or_not() -> None:
    done = Result(row="b_svds", same={"rmse": Spread(mean=0.9627)}, line="RMSE: so far.")
    report = Report(
        preset="latest_small_temporal", data="tiny", about="", seeds=1, rows={"b_svds": done}
    )
    lines = render(table.lines(systems(), {report.preset: report})).splitlines()
    for row in (row for s in systems() for row in s.rows):
        (line,) = [line for line in lines if line.startswith(f"| `{row.id}` |")]
        assert ("not run" in line) == (row.id != "b_svds")
        assert line.count(" | ") == 5
    assert any("RMSE 0.9627" in line and "RMSE: so far." in line for line in lines)
