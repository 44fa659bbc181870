"""Verdicts on rows."""

from __future__ import annotations

import pytest

from replications.published import Printed, Row, System
from replications.results import Result, Spread
from replications.verdicts import Verdict, standing, verdict

SYSTEM = System(system="Z", preset="z", title="z", about="z", data_set="tiny", rows=())


def row(**facts: object) -> Row:
    protocol = "random" if "published" in facts else ""
    return Row.model_validate(
        {"id": "z", "step": "z", "what": "z", "line": 1, "protocol": protocol, **facts}
    )


@pytest.mark.parametrize(
    ("printed", "ours", "same"),
    [
        ("0.4920", 0.49196, True),
        ("0.4920", 0.4927, False),
        (0.492, 0.4924, True),
        ("-0.3203", -0.32034, True),
        (8886, 8886.0, True),
        (8886, 8887.0, False),
    ],
)
def test_printed_digits(printed: float | str, ours: float, same: bool) -> None:
    assert Printed(printed).same(ours) == same


def test_digits_on_the_page() -> None:
    assert Printed("1.1930").text == "1.1930" and Printed(126083).text == "126,083"
    assert Printed(-0.5).text == "\u22120.5"


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (Spread(mean=0.95), Verdict.EXACT),
        (Spread(mean=0.97, deviation=0.011, runs=3), Verdict.NEAR),
        (Spread(mean=0.97, deviation=0.009, runs=3), Verdict.DIFFERS),
        (Spread(mean=0.97, deviation=0.011, runs=2), Verdict.DIFFERS),
        (Spread(mean=0.97), Verdict.DIFFERS),
        (None, Verdict.DIFFERS),
    ],
)
def test_one_figure(ours: Spread | None, expected: Verdict) -> None:
    assert standing(Printed("0.95"), ours) == expected


def test_a_row_is_as_good_as_its_worst_figure() -> None:
    published = {"rmse": 0.95, "mae": 0.75}
    near = {"rmse": Spread(mean=0.95), "mae": Spread(mean=0.76, deviation=0.01, runs=5)}
    wrong = near | {"mae": Spread(mean=0.8)}
    known = row(published=published)
    assert verdict(SYSTEM, known, Result(same=near, data="tiny")) == Verdict.NEAR
    assert verdict(SYSTEM, known, Result(same=wrong, data="tiny")) == Verdict.DIFFERS
    assert verdict(SYSTEM, known, Result(same=near, data="other")) == Verdict.OTHER_DATA
    assert verdict(SYSTEM, known, Result(not_run="failed")) == Verdict.NOT_RUN


def test_times_are_not_judged() -> None:
    same = {"rmse": Spread(mean=0.95), "seconds": Spread(mean=1.0)}
    timed = row(published={"rmse": 0.95, "seconds": 6.37})
    assert verdict(SYSTEM, timed, Result(same=same, data="tiny")) == Verdict.EXACT
    alone = row(published={"seconds": 6.37})
    assert verdict(SYSTEM, alone, Result(same=same, data="tiny")) == Verdict.OTHER_DATA


def test_texts_are_compared_in_their_order() -> None:
    listed = row(printed=["Heat", "Fargo"])
    for ours, expected in (
        (("Heat", "Fargo"), Verdict.EXACT),
        (("Fargo", "Heat"), Verdict.DIFFERS),
    ):
        assert verdict(SYSTEM, listed, Result(listed=ours, data="tiny")) == expected


def test_what_the_document_does_not_say() -> None:
    assert verdict(SYSTEM, row(), Result(shown="x", data="tiny")) == Verdict.NOT_PRINTED
