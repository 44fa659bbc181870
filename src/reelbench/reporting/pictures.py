"""All figures of the report, in the order in which the page shows them."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Sequence

from matplotlib.figure import Figure

from reelbench.faults import Fault, warning
from reelbench.reporting import comparison_figures, data_figures, figures, model_figures
from reelbench.reporting.comparisons import Pair
from reelbench.reporting.dataset import Dataset
from reelbench.reporting.figures import Picture
from reelbench.reporting.results import Result

_Drawn = Iterator[tuple[str, str, Figure | None]]
_Faults = Collection[Fault]

# of the warning: letters per inch of a figure, and height of a line
_LETTERS_PER_INCH, _INCHES_PER_LINE = 14, 0.16


def of_leaderboard(results: Sequence[Result], k: int, faults: _Faults = ()) -> list[Picture]:
    """The leaderboard as a figure. As those below, it says which faults its protocol has."""
    caption = f"RMSE and nDCG@{k} of every model with 95 % intervals"
    with figures.style():
        drawn = iter([("leaderboard", caption, model_figures.leaderboard(results, k))])
        return _pictures(drawn, faults)


def of_differences(pairs: Sequence[Pair], faults: _Faults = ()) -> list[Picture]:
    """Which differences are real, a matrix per metric."""

    def drawn() -> _Drawn:
        for metric in dict.fromkeys(pair.metric for pair in pairs):
            caption = f"{metric.title} of the row less that of the column; coloured where real"
            own = [pair for pair in pairs if pair.metric == metric]
            yield f"significance_{metric.key}", caption, comparison_figures.significance_matrix(own)

    with figures.style():
        return _pictures(drawn(), faults)


def of_training(results: Sequence[Result], faults: _Faults = ()) -> list[Picture]:
    """Learning curves of the models that have epochs."""

    def drawn() -> _Drawn:
        for r in results:
            caption = f"Loss of {r.name} per epoch on train and valid"
            figure = model_figures.learning_curve(r.name, r.curves)
            yield f"learning_curve_{r.name}", caption, figure

    with figures.style():
        return _pictures(drawn(), faults)


def of_predictions(results: Sequence[Result], faults: _Faults = ()) -> list[Picture]:
    """Predicted against given ratings of the models that predict ratings."""

    def drawn() -> _Drawn:
        caption = "Mean given against mean predicted rating, by bins of the predicted one"
        yield "calibration", caption, comparison_figures.calibration(results)
        for r in results:
            caption = f"Predictions of {r.name} per given rating: quartiles, 5 and 95 %, mean"
            figure = model_figures.predicted_vs_actual(r.name, r.predictions)
            yield f"predicted_vs_actual_{r.name}", caption, figure

    with figures.style():
        return _pictures(drawn(), faults)


def of_data(dataset: Dataset) -> list[Picture]:
    """The data set; what its source lacks is left out."""
    ratings, items = dataset.interactions, dataset.items

    def drawn() -> _Drawn:
        df = data_figures
        yield "ratings_per_value", "How often each rating was given", df.ratings_per_value(ratings)
        yield "ratings_over_time", "When ratings were given", df.ratings_over_time(ratings)
        yield "ratings_per_user", "Ratings per user", df.ratings_per_user(ratings)
        yield "ratings_per_movie", "Ratings per movie", df.ratings_per_movie(ratings)
        yield "genres", "Movies per genre; a movie counts in each of its genres", df.genres(items)
        genre_means = df.mean_rating_per_genre(ratings, items)
        yield "mean_rating_per_genre", "Mean rating per genre with 95 % intervals", genre_means
        years = df.release_year(ratings, items)
        yield "release_year", "Mean rating and number of ratings per release year", years

    with figures.style():
        return _pictures(drawn())


def _pictures(drawn: _Drawn, faults: _Faults = ()) -> list[Picture]:
    return [
        Picture(
            name,
            f"{caption}. {warning(faults)}" if faults else caption,
            figures.png(_marked(figure, faults)),
            figure.get_figwidth() > figures.WIDTH_INCHES,
        )
        for name, caption, figure in drawn
        if figure is not None
    ]


def _marked(figure: Figure, faults: _Faults) -> Figure:
    """With the faults above everything: a picture is shown without the page around it."""
    if faults:
        lines = textwrap.wrap(warning(faults), int(_LETTERS_PER_INCH * figure.get_figwidth()))
        figure.set_figheight(figure.get_figheight() + _INCHES_PER_LINE * len(lines))
        figure.suptitle("\n".join(lines), fontsize=8, fontweight="bold", color=figures.ORANGE)
    return figure
