"""The published rows are all there, and plans name the variants that re-run them."""

from __future__ import annotations

import pytest

from reelbench.params import ParamsError
from replications.published import Row, Variant, system, systems

SYSTEMS = systems().values()


def test_rows_have_ids_of_their_own_that_name_the_system() -> None:
    ids = [row.id for s in SYSTEMS for row in s.rows]
    assert len(ids) == len(set(ids))
    assert all(row.id.startswith(f"{s.system.lower()}_") for s in SYSTEMS for row in s.rows)


def test_published_figures() -> None:
    svds = system("latest_small_temporal").row("b_svds")
    assert svds.published == {"rmse": 0.9628, "mae": 0.7459, "n_test": 8886}
    assert system("tmdb_titles").row("d_glove").published["r2"] == -1.6241


def test_a_figure_needs_its_protocol() -> None:
    with pytest.raises(ValueError, match="belong together"):
        Row(id="x", step="x", what="x", published={"rmse": 1.0}, line=1)


def test_unknown_names() -> None:
    with pytest.raises(ParamsError, match=r"no replication 'golden'; choose one of ml20m_hybrid"):
        system("golden")
    with pytest.raises(ParamsError, match=r"no row 'b_gold'; known rows: b_movies"):
        system("latest_small_temporal").row("b_gold")


def test_a_plan_has_the_published_protocol_and_each_fault_alone() -> None:
    plan = system("latest_small_temporal").plan("b_dnn")
    assert plan.metrics == ("rmse", "mae") and plan.honest.faults == ()
    assert plan.same.faults == ("encoder_on_all_rows", "own_test_items_only")
    assert plan.same.overrides[-3:] == ("split=random", "split.test=0.2", "split.valid=0.2")
    faults = ["future_seen", "encoder_on_all_rows", "untrained_ids", "own_test_items_only"]
    assert list(plan.single) == faults
    assert plan.single["future_seen"].overrides[-1] == "split=random_by_user"
    assert plan.single["own_test_items_only"].faults == ("own_test_items_only",)


def test_a_fault_may_be_overrides_and_another_fault_an_option_of_both() -> None:
    plan = system("ml20m_hybrid").plan("a_network1")
    row_tags = plan.single["row_tags"]
    assert row_tags.faults == plan.same.faults == ("encoder_on_all_rows",)
    features = "models.ml20m_network_1.features=[directors,genres,row_tags]"
    assert features in row_tags.hydra and features in plan.same.hydra
    assert plan.same.hydra[-1] == "faults=[encoder_on_all_rows]"


def test_the_split_of_the_system_is_a_default() -> None:
    netflix = system("netflix_overviews")
    assert netflix.plan("c_mean").same.overrides == netflix.split != ()


def test_parameters_of_the_model_begin_with_a_dot() -> None:
    variant = Variant(model="svd", overrides=(".factors=3", "split=random"))
    assert variant.hydra == ["models.svd.factors=3", "split=random"]
