"""Networks of the report: from stored layers, without Keras."""

from __future__ import annotations

import html
import io
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
from imports import run_without_keras
from PIL import Image
from reporting_samples import CONFIG, content, dataset, result, with_a_fault

from reelbench.evaluation.metrics import leaderboard_metrics
from reelbench.faults import warning
from reelbench.models.network.summary import INPUT, TABLE, Layer
from reelbench.reporting import page
from reelbench.reporting.charts import leaderboard, models, networks, ratings, sections, style
from reelbench.reporting.charts.chart import Chart, data
from reelbench.reporting.charts.style import javascript
from reelbench.reporting.comparisons import compared_metrics, every_pair
from reelbench.reporting.results import Result

RESULTS = [result("svd", 0.85, 0.2), result("bias", 0.9, 0.1), result("popularity", None, 0.3)]


METRICS = compared_metrics(10)


def spec(chart: Any) -> dict[str, Any]:
    return Chart("name", "A caption", chart).spec


def rows(chart: Any) -> pd.DataFrame:
    """The largest table in a chart."""
    largest = max((table for table in tables(spec(chart)) if isinstance(table, str)), key=len)
    return pd.read_csv(io.StringIO(largest))


def tables(tree: dict[str, Any]) -> list[Any]:
    """All data of a spec, inline or under a name: CSV or rows."""
    own = [tree["data"]["values"]] if "values" in tree.get("data", {}) else []
    inner = [table for layer in tree.get("layer", []) for table in tables(layer)]
    return [*own, *tree.get("datasets", {}).values(), *inner]


def named(*results: Result, **changes: Any) -> dict[str, Chart]:
    drawn = sections.charts(replace(content(*results), **changes))
    return {chart.name: chart for section in drawn.values() for chart in section}


def test_data_is_short_and_knows_no_nan() -> None:
    table = pd.DataFrame(
        {"a": [np.nan, 1 / 3], "b": [1, 2], "c": ["x, y", None], "d": [True, False]}
    )
    found = data(table.assign(e=pd.Timestamp("1998-04-23"))).to_dict()
    rows = ["a,b,c,d,e", ',1,"x, y",1,1998-04-23', "0.333333,2,,0,1998-04-23", ""]
    assert found["values"] == "\n".join(rows)
    types = {"a": "number", "b": "number", "c": "string", "d": "boolean", "e": "date"}
    assert found["format"]["parse"] == types


def test_every_chart_fills_its_box_and_has_a_description() -> None:
    charts = list(named(*RESULTS).values())
    assert len(charts) == 13
    for chart in charts:
        assert chart.chart is not None and chart.chart.to_dict(validate=True)
    assert all(chart.spec["width"] == "container" for chart in charts)
    assert all(chart.spec["description"] == chart.caption for chart in charts)
    assert all("config" not in chart.spec for chart in charts)


def test_a_network_is_as_wide_as_it_is_drawn() -> None:
    layers = [Layer("user_idx", INPUT), Layer("top", "Dense", ("user_idx",), (3, 4), 1_200)]
    chart = named(replace(result("dnn"), layers=layers))["network_dnn"]
    assert 50 < chart.spec["width"] < 300
    assert "2 layers" in chart.caption and "1,200 trained parameters" in chart.caption


@pytest.mark.slow
def test_pictures_of_all_that_does_not_differ_from_run_to_run() -> None:
    pairs = every_pair(RESULTS, CONFIG, 1)
    drawn = sections.charts(replace(content(*RESULTS), pairs=pairs))
    pngs = dict(sections.pictures(drawn))
    assert {"leaderboard", "differences_rmse"} <= pngs.keys()
    assert {"learning_curve_svd", "predicted_vs_actual", "mean_per_genre"} <= pngs.keys()
    assert not any(name.startswith(("accuracy", "cohorts")) for name in pngs)
    assert all(png.startswith(b"\x89PNG") and len(png) > 2_000 for png in pngs.values())


def test_the_picture_of_the_leaderboard_has_a_panel_per_metric() -> None:
    found = spec(named(*RESULTS)["leaderboard"].still)
    titles = ["RMSE (lower is better)", "nDCG@10 (higher is better)"]
    assert [panel["title"] for panel in found["hconcat"]] == titles
    assert sorted(table.count("\n") for table in tables(found)) == [3, 4]


def test_the_leaderboard_has_the_best_first_in_each_metric() -> None:
    table = rows(leaderboard.leaderboard(RESULTS, leaderboard_metrics(10)))
    errors = table[table["metric"] == "RMSE (lower is better)"]
    assert list(errors.sort_values("place")["model"]) == ["svd", "bias"]
    ranking = table[table["metric"] == "nDCG@10 (higher is better)"]
    assert list(ranking.sort_values("place")["model"]) == ["popularity", "svd", "bias"]
    assert ranking.iloc[0][["low", "high"]].tolist() == pytest.approx([0.29, 0.31])


@pytest.mark.slow
def test_charts_of_a_faulty_protocol_say_so_themselves() -> None:
    honest = replace(content(*RESULTS), pairs=every_pair(RESULTS, CONFIG, 1))
    faulty = replace(honest, results=[with_a_fault(result) for result in honest.results])
    for section in ("leaderboard", "costs", "differences", "training", "predictions"):
        plain, marked = sections.charts(honest)[section], sections.charts(faulty)[section]
        assert len(plain) == len(marked) > 0
        for before, after in zip(plain, marked, strict=True):
            lines = after.spec["title"]["subtitle"]
            title = before.spec.get("title", "")
            own = title.get("subtitle", "") if isinstance(title, dict) else ""
            assert " ".join(lines) == f"{own} {warning(['drop_cold_items'])}".strip()
    assert sections.charts(honest)["data"] == sections.charts(faulty)["data"]


def test_the_front_is_of_models_that_no_cheaper_one_equals() -> None:
    costs = {"a": (1.0, 0.9), "b": (2.0, 0.95), "c": (3.0, 0.8), "d": (3.0, 0.7), "e": (9.0, 0.7)}
    several = [result(name, rmse, train_seconds=s) for name, (s, rmse) in costs.items()]
    table = rows(leaderboard.pareto(several, METRICS[:1], {"train_seconds": "s"}))
    assert sorted(table.loc[table["front"] == 1, "model"]) == ["a", "d"]


def test_no_time_at_all_has_a_place_on_a_logarithmic_axis() -> None:
    costs = {"train_seconds": "s", "score_microseconds_per_user": "µs"}
    table = rows(leaderboard.pareto([result("bias", train_seconds=0.0)], METRICS, costs))
    assert (table["spent"] > 0).all() and list(table["cost"].unique()) == ["s", "µs"]
    costless = result("bias")
    costless.train_cost.clear()
    assert leaderboard.pareto([costless], METRICS, {"train_seconds": "s"}) is None


def test_points_have_the_colour_of_their_family() -> None:
    several = [replace(result(name), family=of) for name, of in (("a", "knn"), ("b", "unheard_of"))]
    chart = leaderboard.pareto(several, METRICS[:1], {"train_seconds": "s"})
    table = rows(chart).set_index("model")["family"]
    assert table.to_dict() == {"a": "neighbours", "b": list(style.FAMILIES)[-1]}
    scale = spec(chart)["layer"][1]["encoding"]["color"]["scale"]
    assert len(scale["domain"]) == len(scale["range"]) == len(style.FAMILIES)
    names = {colour.removeprefix("var(--").removesuffix(")") for colour in scale["range"]}
    assert names <= style.LIGHT.keys() & style.DARK.keys()


def marks(chart: Any, **chosen: str) -> list[str]:
    """What a reader is told of every point and cell, once Vega has drawn them."""
    import vl_convert

    found = spec(chart) | {"width": 300}
    for own in found["params"]:
        own["value" if own["name"] in chosen else "name"] = chosen.get(own["name"], own["name"])
    drawn = html.unescape(vl_convert.vegalite_to_svg(json.dumps(found))).replace("\u2212", "-")
    labels = re.findall(r'aria-label="([^"]*)" role="graphics-symbol"', drawn)
    return [label.partition("; model: ")[2] for label in labels if "; model: " in label]


@pytest.mark.slow
def test_differences_read_the_same_both_ways() -> None:
    chart = leaderboard.differences(RESULTS, every_pair(RESULTS, CONFIG, 1), CONFIG.margin)
    (bias,), (svd,) = marks(chart, against="svd"), marks(chart, against="bias")
    assert svd.startswith("svd; compared with: bias; difference: -0.05; 95 %")
    assert bias.startswith("bias; compared with: svd; difference: +0.05; 95 %")
    assert "interval from: -0.05" in svd and "interval from: +0.04" in bias
    assert leaderboard.differences(RESULTS, [], 0.01) is None


@pytest.mark.slow
def test_differences_are_from_the_best_or_from_a_chosen_model() -> None:
    pairs = every_pair(RESULTS, CONFIG, 1)
    chart = leaderboard.differences(RESULTS, pairs, CONFIG.margin)
    (bias,) = marks(chart)
    assert bias.startswith("bias; compared with: svd; ")
    ranked = marks(chart, metric="nDCG@10")
    assert [text.partition(";")[0] for text in ranked] == ["svd", "bias"]
    assert all("compared with: popularity" in text for text in ranked)
    others = marks(chart, metric="nDCG@10", against="bias")
    assert {text.partition(";")[0] for text in others} == {"svd", "popularity"}
    # that has no RMSE
    assert marks(chart, against="popularity") == [bias]


def test_the_margin_is_a_band() -> None:
    chart = leaderboard.differences(RESULTS, every_pair(RESULTS, CONFIG, 1), 0.02)
    assert "low,zero,high\n-2,0,2\n" in tables(spec(chart))


def test_a_learning_curve_marks_the_best_epoch() -> None:
    chart = spec(models.learning_curve("svd", RESULTS[0].curves))
    assert "epoch\n2\n" in tables(chart)
    assert models.learning_curve("svd", RESULTS[0].curves[:0]) is None


def test_predictions_are_grouped_by_the_given_rating() -> None:
    table = rows(models.predictions({r.name: r.predictions for r in RESULTS}))
    assert set(table["model"]) == {"svd", "bias"}
    first = table[table["model"] == "svd"]
    assert first["given"].tolist() == [1, 2, 3, 4, 5]
    assert first["median"].tolist() == [2, 2.5, 3, 3.5, 4]


def test_many_distinct_ratings_are_binned() -> None:
    given = np.linspace(0, 10, 500)
    table = rows(models.predictions({"x": pd.DataFrame({"rating": given, "score": given})}))
    assert table["n"].tolist() == [50] * 10


def test_calibration_is_given_minus_predicted_without_thin_bins() -> None:
    bins = {"n_test": [30, 30, 3], "mean_predicted": [2.0, 4.0, 5], "mean_given": [2.5, 3.9, 1]}
    own = replace(result("svd"), calibration=pd.DataFrame(bins))
    assert rows(models.calibration([own]))["excess"].tolist() == pytest.approx([0.5, -0.1])
    assert models.calibration(RESULTS) is models.calibration_panels(RESULTS) is None
    panels = models.calibration_panels([replace(own, name=f"m{i}") for i in range(13)])
    assert panels is not None and panels.to_dict()["facet"]["sort"][:2] == ["m0", "m1"]


@pytest.mark.parametrize(
    ("given", "predicted"),
    [([1, 2, 5], [0.2, 5.5]), ([3], [3]), ([3], []), ([0.5, 1, 5], [1.25]), ([1, 1.001, 9], [2])],
)
def test_no_rating_falls_out_of_the_histogram(given: list[float], predicted: list[float]) -> None:
    scores = [*predicted, *[np.nan] * (len(given) - len(predicted))]
    table = pd.DataFrame({"rating": [*given, *given], "score": [*scores, *[np.nan] * len(given)]})
    counts = rows(models.histogram("x", table)).groupby("what")["n"]
    assert counts.sum().to_dict() == {"given": 2 * len(given)} | (
        {"predicted": len(predicted)} if predicted else {}
    )
    assert 2 <= counts.size().max() + 1 <= 60


def test_cohorts_of_which_there_is_one_are_left_out() -> None:
    table = {"by": ["users", "genre", "genre"], "cohort": ["warm", "War", "Drama"]}
    numbers = {"n_test": [9, 4, 5], "rmse": [0.9, 0.8, 1.0], "ndcg_at_10": [0.1, 0.2, 0.3]}
    own = replace(result("svd"), cohorts=pd.DataFrame(table | numbers))
    assert set(rows(models.cohorts([own], METRICS))["by"]) == {"genre"}
    assert models.cohorts(RESULTS, METRICS) is None


def test_shares_of_the_ratings_are_a_whole() -> None:
    given = dataset().interactions
    table = rows(ratings.per_value(given))
    assert table["share"].sum() == pytest.approx(1, abs=1e-5)
    assert table["ratings"].sum() == len(given)


def test_days_without_a_rating_are_zero() -> None:
    day = 86_400
    given = pd.DataFrame({"timestamp": [day, day, 4 * day], "rating": [1.0, 2.0, 3.0]})
    assert rows(ratings.per_day(given))["ratings"].tolist() == [2, 0, 0, 1]
    assert rows(ratings.per_day(given))["day"].iloc[0] == "1970-01-02"
    unknown = given.assign(timestamp=-1)
    assert ratings.per_day(unknown) is None


def test_a_long_tail_stays_short() -> None:
    given = pd.DataFrame({"user_idx": np.repeat(np.arange(5000), np.arange(5000) % 7 + 1)})
    table = rows(ratings.long_tail(given, "user_idx", "user"))
    assert len(table) <= 300 and table["rank"].iloc[-1] == 5000
    assert table["ratings"].is_monotonic_decreasing
    assert table["share"].iloc[-1] == 1


def test_means_per_genre_by_hand() -> None:
    items = pd.DataFrame({"item_idx": [0, 1], "genres": [["Drama"], ["Drama", "War"]]})
    given = pd.DataFrame({"item_idx": [0, 1, 1], "rating": [1.0, 4.0, 5.0]})
    table = rows(ratings.mean_per_genre(given, items)).set_index("genre")
    assert table["mean"].to_dict() == pytest.approx({"Drama": 10 / 3, "War": 4.5}, rel=1e-5)


def test_names_of_genres_are_drawn_as_they_are() -> None:
    """Neither as mathematics nor as markup, and nothing ends the script that holds a chart."""
    names = [
        "Ca$$h",
        "$\\x$",
        "$a$",
        "[b]Red[/b]",
        "<script>x</script>",
        "`a|b`",
        "&amp;",
        '"q", {x}',
    ]
    items = pd.DataFrame({"item_idx": range(len(names)), "genres": [[name] for name in names]})
    given = pd.DataFrame({"item_idx": range(len(names)), "rating": 3.0})
    for chart in (ratings.genres(items), ratings.mean_per_genre(given, items)):
        assert chart is not None
        assert set(rows(chart)["genre"]) == set(names)
        assert "</script" not in str(page._json(spec(chart)))
    named = (items[2:3], items[2:3].assign(genres=[["a"]]))
    charts = [chart for chart in map(ratings.genres, named) if chart is not None]
    drawn, plain = map(style.png, charts)
    assert drawn != plain


def test_ages_by_five_years_or_as_they_are_coded() -> None:
    many = pd.DataFrame({"age": np.arange(20, 50)})
    assert rows(ratings.ages(many))["age"].tolist()[0] == "20-24"
    coded = pd.DataFrame({"age": [1, 18, 25, 25, 56]})
    assert rows(ratings.ages(coded))["users"].tolist() == [1, 1, 2, 1]
    assert ratings.ages(pd.DataFrame({"user_idx": [0]})) is None


def test_a_source_without_years_and_genres() -> None:
    given, items = dataset().interactions, pd.DataFrame({"item_idx": range(30)})
    assert ratings.genres(items) is None and ratings.mean_per_genre(given, items) is None
    assert ratings.mean_per_year(given, items) is None


def test_the_bundle_cannot_end_its_element() -> None:
    assert "</script" not in javascript() and "window.vegaEmbed=" in javascript()
    assert math.isclose(len(javascript()), 900_000, rel_tol=0.2)


_DRAW = """
import altair as alt, hashlib
from reelbench.reporting.charts import style
chart = alt.Chart(alt.Data(values=[{"a": 1}])).mark_bar(color=style.MAIN).encode(x="a:Q")
print(hashlib.sha256(style.png(chart)).hexdigest())
"""


def _bars(**values: object) -> alt.Chart:
    chosen = alt.param(name="shown", value="first")
    rows = [{"name": name, "value": value} for name, value in values.items()]
    bars = alt.Chart(alt.Data(values=rows)).mark_bar(color=style.OTHER).encode(x="value:Q")
    return bars.transform_filter("datum.name == shown").add_params(chosen)


def _image(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def _has(png: bytes, colour: str) -> bool:
    counts = _image(png).getcolors(maxcolors=1 << 20) or []
    return tuple(bytes.fromhex(colour.removeprefix("#"))) in {pixel for _, pixel in counts}


@pytest.mark.slow
def test_every_process_draws_the_same_bytes() -> None:
    command = [sys.executable, "-c", _DRAW]
    first, second = (subprocess.check_output(command, text=True) for _ in range(2))
    assert first == second


def test_a_png_has_the_colours_of_the_light_page() -> None:
    png = style.png(_bars(first=1))
    assert _has(png, style.LIGHT["other"]) and _has(png, style.LIGHT["page"])
    assert _image(png).width > 2 * style.WIDTH


def test_a_parameter_can_be_chosen_for_a_png() -> None:
    chart = _bars(first=0, second=5)
    assert not _has(style.png(chart), style.LIGHT["other"])
    assert _has(style.png(chart, {"shown": "second"}), style.LIGHT["other"])


def test_light_and_dark_name_the_same_colours() -> None:
    assert style.LIGHT.keys() == style.DARK.keys()
    drawings = Path(style.__file__).with_name("charts.yaml").read_text(encoding="utf-8")
    named = re.findall(r"var\(--([a-z]+)\)", " ".join([drawings, *style.SERIES, style.PAGE]))
    assert {"main", "raised", "line", "fourth"} < set(named) <= style.LIGHT.keys()
    assert json.loads(json.dumps(style.THEME)) == style.THEME


LAYERS = [
    Layer("user_idx", INPUT),
    Layer("user_embedding", "Embedding", ("user_idx",), (50,), 5_000),
    Layer("item_idx", INPUT),
    Layer("genres", TABLE, ("item_idx",), (19,)),
    Layer("words", TABLE, ("item_idx",), (3, 4)),
    Layer("beside", "Concatenate", ("user_embedding", "genres", "words"), (81,)),
    Layer("dropout", "Dropout", ("beside",), (81,), setting="0.5"),
    Layer("alone", INPUT),
]


def _texts(layers: list[Layer]) -> list[str]:
    spec = networks.network("", layers).to_dict()
    names = [layer["data"]["name"] for layer in spec["layer"] if layer["mark"]["type"] == "text"]
    rows = [row for name in names for row in spec["datasets"][name].splitlines()[1:]]
    return [row.split(",", 2)[2].strip('"') for row in rows]


def test_every_layer_has_its_name_operation_and_shape() -> None:
    shown = ["user idx", "user embedding", "input → 1", "Embedding → 50", "5,000 trained"]
    assert _texts(LAYERS[:2]) == shown
    assert {"table → 3 by 4", "Dropout 0.5 → 81"} <= set(_texts(LAYERS))


def test_boxes_lie_apart_and_below_what_they_read() -> None:
    boxes, lines = networks._placed(LAYERS)
    by_name = {box.layer.name: box for box in boxes}
    spec = networks.network("", LAYERS).to_dict()
    assert set(by_name) == {layer.name for layer in LAYERS}
    for box in boxes:
        assert 0 <= box.left < box.right <= spec["width"]
        assert 0 <= box.top < box.bottom <= spec["height"]
        assert all(by_name[name].bottom < box.top for name in box.layer.inputs)
        for other in boxes:
            apart = box.right <= other.left or other.right <= box.left
            above = box.bottom <= other.top or other.bottom <= box.top
            assert other is box or apart or above
    assert len(lines) == sum(len(layer.inputs) for layer in LAYERS)


@pytest.mark.slow
def test_the_same_drawing_whatever_the_order_of_sets() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from reporting.test_charts import LAYERS, networks\n"
        "print(networks.network('', LAYERS).to_json())"
    )
    command = [sys.executable, "-c", code]
    environments = [{"PYTHONHASHSEED": s, "PYTHONPATH": ":".join(sys.path)} for s in ("1", "2")]
    first, second = (subprocess.check_output(command, text=True, env=e) for e in environments)
    assert first == second


@pytest.mark.slow
def test_drawing_needs_no_keras() -> None:
    run_without_keras(
        "from reelbench.models.network.summary import Layer\n"
        "from reelbench.reporting.charts import networks\n"
        "networks.network('one', [Layer('user_idx', 'input')]).to_dict()"
    )


def of_lists(name: str, ndcg: float, diversity: float, base: str | None = None) -> Result:
    own = result(name, None, ndcg)
    return replace(own, metrics=own.metrics | {"diversity_genres_at_10": diversity}, base=base)


def crowd() -> list[Result]:
    """Re-ranked lists close to each other, their base, and models far from both."""
    near = [of_lists(f"base_with_weight_{n}", 0.14 - n / 2000, 0.6 + n / 300, "base")
            for n in range(8)]  # fmt: skip
    others = [of_lists("random", 0.01, 0.9), of_lists("poor", 0.02, 0.5), result("old", None, 0.2)]
    return [of_lists("base", 0.15, 0.6), *near, *others]


def test_diversity_joins_lists_to_their_base_and_draws_the_frontier() -> None:
    chart = named(*crowd())["accuracy_vs_diversity"]
    table = rows(chart.chart).set_index("model")
    assert "old" not in table.index and len(table) == 11
    best = {
        name
        for name, row in table.iterrows()
        if not ((table["x"] >= row["x"]) & (table["y"] >= row["y"])).drop(name).any()
    }
    assert (
        set(table.index[table["front"] == 1])
        == best
        == set(table.index) - {"poor", "base_with_weight_0"}
    )
    reranked = table[table["reranked"] == 1]
    assert len(reranked) == 8 and reranked[["base_x", "base_y"]].eq([0.6, 0.15]).all(axis=None)
    titles = [chart.spec["layer"][1]["encoding"][axis]["title"] for axis in "xy"]
    assert titles == ["diversity by genres@10", "nDCG@10"]
    assert "accuracy_vs_diversity" not in named(*RESULTS)  # no genres, no diversity by them
