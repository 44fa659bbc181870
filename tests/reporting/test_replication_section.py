"""What `reelbench replicate` has left is on the page, with its pictures inside."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from reporting_samples import content, result

from reelbench import paths
from reelbench.reporting import page
from reelbench.reporting.replication import read_replications
from replications import table
from replications.result import Report, Result, Spread
from replications.rows import systems

PNG = b"\x89PNG made up"
NO_PICTURES = {key: [] for key in ("leaderboard", "costs", "training", "predictions", "data")}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    picture = paths.REPLICATION / "tmdb_titles" / "bars.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(PNG)
    drawn = Result(row="d_figure", shown="Bars of <three>.", files=(str(picture),))
    figure = Result(row="d_dnn", same={"rmse": Spread(mean=1.25)})
    rows = {"d_figure": drawn, "d_dnn": figure}
    report = Report(preset="tmdb_titles", data="tiny", about="Here.", seeds=1, rows=rows)
    table.write(table.lines(systems(), {"tmdb_titles": report}))


def test_every_system_with_its_rows_and_pictures(written: None) -> None:
    found = {replication.system[0]: replication for replication in read_replications()}
    assert {name: len(replication.rows) for name, replication in found.items()} == {
        "A": 39,
        "B": 7,
        "C": 17,
        "D": 13,
        "E": 8,
    }
    (picture,) = found["D"].pictures
    assert (picture.png, found["A"].pictures) == (PNG, [])
    assert "1 seed. Here." in found["D"].about and "Data" not in found["A"].about


def test_the_page_shows_them(written: None) -> None:
    shown = dataclasses.replace(content(result("bias", 0.9)), replications=read_replications())
    html = page.render(shown, NO_PICTURES)
    assert "RMSE 1.2500" in html and "Bars of &lt;three&gt;." in html
    assert html.count("<code>d_") == 13 and html.count("not run: ") == 84 - 2


def test_nothing_replicated(tmp_path: Path) -> None:
    assert read_replications(tmp_path / "table.csv") == []
    assert 'id="replication"' not in page.render(content(result("bias", 0.9)), NO_PICTURES)
