from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from reporting_samples import dataset, result

from reelbench.faults import Fault, warning
from reelbench.reporting import data_figures, figures, model_figures, pictures
from reelbench.reporting.comparisons import every_pair

RESULTS = [result("svd", 0.85, 0.2), result("bias", 0.9, 0.1), result("popularity", None, 0.3)]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_same_bytes_twice_and_no_version_in_them() -> None:
    first, second = (pictures.of_leaderboard(RESULTS, 10)[0].png for _ in range(2))
    assert first == second
    assert first.startswith(b"\x89PNG")
    assert b"matplotlib" not in first.lower()


def test_a_callers_own_style_does_not_change_the_figures() -> None:
    import matplotlib as mpl

    plain = pictures.of_training(RESULTS)[0].png
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 9}):
        assert pictures.of_training(RESULTS)[0].png == plain


def test_leaderboard_shows_intervals_and_says_who_only_ranks() -> None:
    figure = model_figures.leaderboard(RESULTS, 10)
    errors, ranking = figure.axes
    assert texts(figure) == ["only ranks"]
    assert [label.get_text() for label in errors.get_yticklabels()] == [r.name for r in RESULTS]
    spans = [path.vertices[:, 0] for c in ranking.collections for path in c.get_paths()]
    assert spans[0] == pytest.approx([0.19, 0.21])


def test_pictures_of_a_faulty_protocol_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "png", lambda figure: drawn.append(figure) or b"")
    pairs = every_pair(RESULTS, 10, 200, 1)
    for faults in ((), (Fault.SCORE_TRAIN_ROWS,)):
        made = [
            *pictures.of_leaderboard(RESULTS, 10, faults),
            *pictures.of_differences(pairs, faults),
            *pictures.of_training(RESULTS, faults),
            *pictures.of_predictions(RESULTS, faults),
        ]
        above = [figure.get_suptitle().replace("\n", " ") for figure in drawn]
        assert len(drawn) == len(made) > 5
        assert set(above) == {warning(faults)}
        assert all(bool(faults) == ("score_train_rows" in p.caption) for p in made)
        drawn.clear()


@pytest.mark.filterwarnings("error")
def test_the_warning_fits_its_picture() -> None:
    from PIL import Image

    honest = pictures.of_leaderboard(RESULTS, 10)[0].png
    marked = pictures.of_leaderboard(RESULTS, 10, tuple(Fault))[0].png
    sizes = [Image.open(io.BytesIO(png)).size for png in (honest, marked)]
    assert sizes[0][0] == sizes[1][0] and sizes[0][1] < sizes[1][1]
    figure = pictures._marked(model_figures.leaderboard(RESULTS, 10), tuple(Fault))
    figure.canvas.draw()
    assert figure._suptitle.get_window_extent().width < figure.bbox.width


def test_learning_curve_marks_the_best_epoch() -> None:
    figure = model_figures.learning_curve("svd", RESULTS[0].curves)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["train", "valid", "best epoch: 2"]


def test_learning_curve_without_valid_loss_or_without_epochs() -> None:
    curves = RESULTS[0].curves.assign(valid_loss=np.nan)
    assert len(model_figures.learning_curve("svd", curves).axes[0].lines) == 1
    assert model_figures.learning_curve("bias", curves[:0]) is None


def test_predictions_are_grouped_by_the_given_rating() -> None:
    figure = model_figures.predicted_vs_actual("svd", RESULTS[0].predictions)
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert ticks == [f"{rating}\n12" for rating in (1, 2, 3, 4, 5)]


def test_many_distinct_ratings_are_binned() -> None:
    given = np.linspace(0, 10, 500)
    table = pd.DataFrame({"rating": given, "score": given})
    ticks = model_figures.predicted_vs_actual("x", table).axes[0].get_xticklabels()
    assert len(ticks) == 10
    assert {label.get_text().split("\n")[1] for label in ticks} == {"50"}


def test_a_model_that_only_ranks_has_no_predictions_to_show() -> None:
    assert [p.name for p in pictures.of_predictions(RESULTS)] == [
        "predicted_vs_actual_svd",
        "predicted_vs_actual_bias",
    ]


def test_every_figure_of_the_data() -> None:
    assert [picture.name for picture in pictures.of_data(dataset())] == [
        "ratings_per_value",
        "ratings_over_time",
        "ratings_per_user",
        "ratings_per_movie",
        "genres",
        "mean_rating_per_genre",
        "release_year",
    ]


@pytest.mark.parametrize("missing", ["absent", "empty"])
def test_what_the_source_lacks_is_left_out(missing: str) -> None:
    data = dataset()
    ratings = data.interactions.assign(timestamp=pd.array([None] * 200, dtype="Int64"))
    items = data.items.drop(columns=["genres", "year"])
    if missing == "empty":
        items = items.assign(genres=[[]] * 30, year=pd.array([None] * 30, dtype="Int16"))
    assert data_figures.ratings_over_time(ratings) is None
    assert data_figures.genres(items) is None
    assert data_figures.mean_rating_per_genre(ratings, items) is None
    assert data_figures.release_year(ratings, items) is None


def test_every_rating_is_in_the_bars() -> None:
    ratings = dataset().interactions
    for draw in (data_figures.ratings_per_value, data_figures.ratings_over_time):
        bars = draw(ratings).axes[0].patches
        assert sum(bar.get_height() for bar in bars) == 200
    users = data_figures.ratings_per_user(ratings).axes[0].patches
    assert sum(bar.get_height() for bar in users) == ratings["user_idx"].nunique()


def test_equal_activity_of_all_users_is_drawn() -> None:
    ratings = pd.DataFrame({"user_idx": np.repeat(np.arange(5), 1), "rating": 1.0})
    bars = data_figures.ratings_per_user(ratings).axes[0].patches
    assert sum(bar.get_height() for bar in bars) == 5


def test_a_long_history_is_drawn_by_year_and_a_short_one_by_month() -> None:
    seconds = pd.Series([0, 86_400 * 40, 86_400 * 70])
    short = data_figures.ratings_over_time(pd.DataFrame({"timestamp": seconds}))
    assert [bar.get_height() for bar in short.axes[0].patches] == [1, 1, 1]  # Jan, Feb, Mar
    long = data_figures.ratings_over_time(pd.DataFrame({"timestamp": [0, 5 * 366 * 86_400]}))
    assert long.axes[0].get_xlabel() == "year of the rating"
    assert [bar.get_height() for bar in long.axes[0].patches] == [1, 0, 0, 0, 0, 1]


def test_means_per_genre_by_hand() -> None:
    items = pd.DataFrame({"item_idx": [0, 1], "genres": [["Drama"], ["Drama", "War"]]})
    ratings = pd.DataFrame({"item_idx": [0, 1, 1], "rating": [1.0, 4.0, 5.0]})
    axes = data_figures.mean_rating_per_genre(ratings, items).axes[0]
    means = dict(zip(["Drama", "War"], axes.lines[0].get_xdata(), strict=True))
    assert means == pytest.approx({"Drama": 10 / 3, "War": 4.5})


def test_style_is_the_palette_of_this_project() -> None:
    with figures.style():
        bars = data_figures.ratings_per_value(dataset().interactions).axes[0].patches
    assert bars[0].get_facecolor()[:3] == pytest.approx((0, 0x72 / 255, 0xB2 / 255))
