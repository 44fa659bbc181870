"""System D's own rows: what is counted over the runs, and the draw that was published."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from real_tables import tmdb

from replications import tmdb_titles
from replications.rows import system
from replications.study import Measured, Variant

RMSE = {
    "tmdb_dnn": [1.0, 1.0, 3.0],
    "tmdb_finetune": [2.0, 2.0, 1.0],
    "tmdb_glove": [3.0, 1.5, 2.0],
}


class Known:
    """A study whose figures are known."""

    seeds = 3

    def __init__(self) -> None:
        self.asked: list[tuple[Variant, int]] = []

    def measure(self, variant: Variant, runs: int = 1) -> Measured:
        self.asked.append((variant, runs))
        return Measured(tuple({"rmse": value} for value in RMSE[variant.model]))


def test_the_order_is_counted_run_by_run() -> None:
    study = Known()
    text = tmdb_titles._order(study)
    assert "in the published order in 1 of 3 runs: " in text
    assert "dnn before finetune in 2, finetune before glove in 2, dnn before glove in 2" in text
    assert text.endswith("By mean: dnn 1.6667, finetune 1.6667, glove 2.1667.")
    # of ids as published, over ten seeds though three were asked for
    assert {runs for _, runs in study.asked} == {10}
    assert all(variant.overrides[-1].endswith("cold=untrained") for variant, _ in study.asked)


def test_movies_of_one_title_meet_in_a_join() -> None:
    items = pd.DataFrame({"title_raw": ["Batman", "Heat", "Batman"]})
    assert tmdb_titles._joined(items).tolist() == [0, 0, 1, 2, 2]


def test_the_published_figures_are_of_the_joined_rows() -> None:
    """RMSE and R² of each network give away the variance of its test votes: one and the same."""
    known = system("tmdb_titles")
    published = [known.row(row).published for row in tmdb_titles._NETWORKS]
    implied = [figures["rmse"] ** 2 / (1 - figures["r2"]) for figures in published]
    assert np.ptp(implied) < 3e-4
    tables = tmdb()
    text = tmdb_titles._variance(known, tables["items"], tables["interactions"])
    assert "variance of 1.296 of test votes" in text and "as published have 1.296" in text


@pytest.mark.parametrize("row", list(tmdb_titles._NETWORKS))
def test_every_network_has_corrected_ones_beside_it(row: str) -> None:
    assert len(tmdb_titles._CORRECTED[row]) == 2
