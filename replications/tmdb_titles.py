"""System D: the mean vote of movies that nobody in train has rated, from an id and a title."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from scipy import stats
from sklearn.model_selection import KFold

from reelbench import paths
from reelbench.columns import (
    COMPANIES,
    DIRECTOR,
    GENRES,
    KEYWORDS,
    LANGUAGE,
    OVERVIEW,
    RATING,
    TAGLINE,
    YEAR,
)
from reelbench.files import read_json
from reelbench.models.network.summary import Layer
from reelbench.reporting.charts.networks import network
from replications import figures, tables, tmdb_networks
from replications.measure import FIRST_SEED, SECONDS, Parts, Results, Study, spread
from replications.published import Variant, system
from replications.results import FOLDER, Estimate, FaultEffect, Result, Spread, counts
from replications.tmdb_networks import (
    DNN,
    FINETUNE,
    GLOVE,
    LENGTH,
    SHARE,
    SPLIT_SEED,
    VOCABULARY,
    WIDTH,
    WORDS,
    Case,
    Fit,
    Movies,
    Networks,
    Rows,
    as_published,
    faults,
    glove,
    honest,
    joined,
    one_hot,
    padded_in_front,
    parts_of,
    pooled,
    set_aside,
    vocabulary,
    with_best_epoch,
    without_ids,
)

SYSTEM = system("tmdb_titles")
_FOLDS = 5
#: best first, as published
NETWORKS = ("d_dnn", "d_finetune", "d_glove")
_BIAS = Variant(model="bias")
METRICS = ("mae", "rmse", "r2")
# runs behind a mean where nothing leaks, each on a split of its own
_HONEST_SEEDS = 5
# rows that Keras' `evaluate` takes at once
_EVALUATED = 32
_DATA = ("d_join", "d_fillings", "d_json", "d_logs", "d_age", "d_pca", "d_target", "d_split")
_FIGURES = {
    "d_age": ("film_age",),
    "d_json": ("genre_shares", "mean_per_genre"),
    "d_pca": ("correlations", "components"),
    "d_target": ("rating_shares",),
}


def _data(study: Study) -> Results:
    rows, items, users = figures.tables_of(study, _BIAS)
    ran = study.ran[-1]
    figures.write_exhibits(rows, items, users, FOLDER / study.preset)
    votes, movies = rows[RATING], Movies.of(items, rows)
    n_joined = len(joined(movies).movie)
    unrated = int((movies.votes == 0).sum())
    written = read_json(ran.file(paths.CLEAN_COUNTS))["items"]["written"]
    directors = int(items[DIRECTOR].notna().sum()) if DIRECTOR in items else 0
    credits = f"{directors:,} with a director" if directors else "no credits available"
    taglines = int(items[TAGLINE].isna().sum()) if TAGLINE in items else len(items)
    genres, keywords = (
        items[c].explode().nunique() if c in items else 0 for c in (GENRES, KEYWORDS)
    )
    logarithms = ", ".join(ran.content["features"]["numeric"]["log"])
    shown = {
        "d_join": f"{written:,} movies, {credits}; joined on the title alone, movies with the same "
        f"title get each other's credits: {n_joined:,} rows. Honest runs have each movie once.",
        "d_fillings": f"A missing tagline ({taglines:,} movies) stays missing; a missing number is "
        "the median of train, with a flag: `numeric`.",
        "d_json": f"{genres:,} genres, {keywords:,} keywords.",
        "d_logs": f"log(1 + x) of {logarithms}: `numeric`.",
        "d_age": f"Years {items[YEAR].min():g} to {items[YEAR].max():g}: `years`.",
        "d_pca": _components(items),
        "d_target": f"{len(votes):,} mean votes, {votes.mean():.2f} ± {votes.std():.2f}; "
        f"{unrated} of them are 0, almost all of movies without a vote.",
    }
    files = {
        r: tuple(str(FOLDER / study.preset / f"{f}.png") for f in _FIGURES[r]) for r in _FIGURES
    }
    made = {r: Result(shown=text, files=files.get(r, ())) for r, text in shown.items()}
    return {**made, "d_split": _split(movies)}


def _split(movies: Movies) -> Result:
    """The joined rows, drawn as published."""
    rows = joined(movies)
    train, _, test = as_published(rows)
    shared = len(set(test.movie) & set(train.movie))
    published = SYSTEM.row("d_dnn").published
    implied = published["rmse"] ** 2 / (1 - published["r2"])
    shown = (
        f"Published RMSE and R² imply a variance of {implied:.3f} of the test votes; these have "
        f"{test.vote.var():.3f}, all votes {rows.vote.var():.3f}. {shared} movies in test are in "
        f"train too. Honest runs draw {', '.join(_sizes(parts_of(movies, honest(DNN), 0)))}."
    )
    settings = {"share of test": SHARE, "seed": SPLIT_SEED, "rows set aside": 0}
    same = counts({"train_rows": len(train.movie), "test_rows": len(test.movie)})
    return Result(same=same, shown=shown, settings=settings)


def _sizes(parts: tmdb_networks.Parts) -> list[str]:
    named = zip(("train", "valid", "test"), parts, strict=True)
    return [f"{len(rows.movie):,} {part}" for part, rows in named]


def _components(items: pd.DataFrame) -> str:
    """Of all movies, as published: nothing here is a feature."""
    numbers = figures.movie_numbers(items)
    gone = figures.dropped(numbers)
    left = numbers.drop(columns=gone)
    return (
        f"Dropped because of a correlation with an earlier column: {', '.join(gone) or 'none'}; "
        f"{figures.components(left)[1]} components of the other {left.shape[1]} have "
        f"{100 * figures.VARIANCE:.0f} % of the variance."
    )


@dataclass
class Lab:
    """The networks of one study: every fit is made once.

    Attributes:
        networks: as `conf/` has them, and the movies.
        items: the cleaned table of movies.
        seeds: number of runs as published.
    """

    networks: Networks
    items: pd.DataFrame
    seeds: int
    _fits: dict[tuple[str, str, int], Fit] = field(default_factory=dict)

    def published(self, model: str, runs: int = 0) -> list[Fit]:
        """A fit per seed on the rows and the split as published; so many, or all."""
        parts, case = as_published(joined(self.networks.movies)), tmdb_networks.published(model)
        seeds = self._seeds[: runs or None]
        return [self._fit(model, "", case, seed, parts) for seed in seeds]

    def first(self, model: str) -> Fit:
        """The first of these."""
        return self.published(model, 1)[0]

    @property
    def _seeds(self) -> range:
        return range(FIRST_SEED, FIRST_SEED + self.seeds)

    def mended(self, model: str) -> dict[str, list[Fit]]:
        """As published, with one thing changed, by what that is."""
        parts, seeds = as_published(joined(self.networks.movies)), self._seeds[:_HONEST_SEEDS]
        best = with_best_epoch(model)
        return {
            "without ids": [
                self._fit(model, "bare", without_ids(model), seed, parts) for seed in seeds
            ],
            "with the best epoch": [
                self._fit(model, "best", best, seed, set_aside(parts, seed)) for seed in seeds
            ],
        }

    def measure(self, model: str, name: str, case: Case) -> list[Fit]:
        """A fit per seed, on a split of its own."""
        seeds = range(FIRST_SEED, FIRST_SEED + _HONEST_SEEDS)
        parts = {seed: parts_of(self.networks.movies, case, seed) for seed in seeds}
        return [self._fit(model, name, case, seed, parts[seed]) for seed in seeds]

    def _fit(self, model: str, name: str, case: Case, seed: int, parts: tmdb_networks.Parts) -> Fit:
        key = (model, name, seed)
        if key not in self._fits:
            self._fits[key] = self.networks.fit(model, parts, seed, case.changed)
        return self._fits[key]


_LABS: dict[Path, Lab] = {}


def lab(study: Study, row: str = "d_dnn") -> Lab:
    """That of a study, which also records what its data come from."""
    ran = study.run(_BIAS, upto="split")
    if study.folder not in _LABS:
        seeds = max(study.seeds, SYSTEM.plan(row).least)
        items, rows = (pd.read_parquet(ran.file(f)) for f in (paths.ITEMS, paths.INTERACTIONS))
        networks = Networks.of(Movies.of(items, rows), study.preset, study.folder)
        _LABS[study.folder] = Lab(networks, items, seeds)
    return _LABS[study.folder]


def of_fits(fits: Sequence[Fit], metrics: Sequence[str] = METRICS) -> dict[str, Spread]:
    """Mean and standard deviation of each metric."""
    return {metric: spread([fit.metrics[metric] for fit in fits]) for metric in metrics}


def estimates(fits: Sequence[Fit]) -> dict[str, Estimate]:
    """Mean of each metric over runs, with the 95 % interval of this mean."""
    found = {}
    for metric, of_runs in of_fits(fits).items():
        half = stats.t.ppf(0.975, of_runs.runs - 1) * (of_runs.deviation or 0.0) / of_runs.runs**0.5
        low, high = of_runs.mean - half, of_runs.mean + half
        found[metric] = Estimate(value=of_runs.mean, low=low, high=high)
    return found


def _network(row: str, study: Study) -> Results:
    """As published, where nothing leaks, each fault alone, and corrected networks."""
    here, plan = lab(study), SYSTEM.plan(row)
    model = plan.model
    same = here.published(model)
    fair = here.measure(model, "honest", honest(model))
    worth, base = [], {"": fair}
    for fault, (case, without) in faults(model).items():
        base[fault] = here.measure(model, fault, case)
        worth += _effects(fault, base[fault], base[without])
    also = {f"as published but {how}": estimates(f) for how, f in here.mended(model).items()}
    front = here.measure(model, "front", padded_in_front(model))
    also["honest, padding in front"] = estimates(front)
    corrected = {name: study.measure(variant) for name, variant in plan.also.items()}
    also |= {name: measured.estimates(METRICS) for name, measured in corrected.items()}
    result = Result(
        same=of_fits(same) | {SECONDS: spread([fit.seconds for fit in same])},
        honest=estimates(fair),
        worth=tuple(worth),
        also=also,
        shown=_below_zero(same),
        settings=settings(here, row),
    )
    return {row: result}


def _effects(fault: str, with_it: Sequence[Fit], without: Sequence[Fit]) -> list[FaultEffect]:
    """Difference of the means over the same seeds."""
    have, lack = of_fits(with_it), of_fits(without)
    differences = {metric: have[metric].mean - lack[metric].mean for metric in METRICS}
    return [FaultEffect(fault=fault, metric=m, difference=d) for m, d in differences.items()]


def _below_zero(fits: Sequence[Fit]) -> str:
    worse = sum(fit.metrics["r2"] < 0 for fit in fits)
    return f"R² below 0, worse than the mean of test, in {worse} of {len(fits)} runs."


def settings(here: Lab, row: str) -> dict[str, Any]:
    """What the first run as published used, by the names of the row's settings."""
    model = SYSTEM.plan(row).model
    fit = here.first(model)
    config, layers = fit.config, {layer["name"]: layer for layer in fit.layers}
    found: dict[str, Any] = {
        "learning rate of Adam": config.learning_rate,
        "loss": config.loss,
        "epochs": config.epochs,
        "batch": config.batch_size,
        "dense layers": list(config.hidden),
        "activation": config.activation,
        "output": config.head,
        "dropout": config.dropout,
        "dropout after": config.dropout_after,
        "width of movies": config.width("item"),
        "early stopping": config.patience is not None,
        "watched": "test rows",
    }
    if model == DNN:
        table = layers[f"{LENGTH}_embedding"]["parameters"] // config.width(LENGTH)
        found |= {"title": "its length", "width of titles": config.width(LENGTH)}
        return found | {"rows of titles": table}
    return found | {
        "words of a title": WORDS,
        "most words": VOCABULARY,
        "words numbered by": "titles in train",
        "words without a vector": "zeros",
        "width of words": WIDTH,
        "padding": config.title_padding,
        "vectors trained": config.train_vectors,
        "layer of movies": "own" if config.pretraining == "none" else "that of GloVe",
        **({"predicts": "before fine-tuning"} if model == GLOVE else {}),
    }


def _folds(study: Study) -> Results:
    """The two networks with GloVe on five folds of the joined rows, as published otherwise."""
    here = lab(study)
    rows = joined(here.networks.movies)
    folds = list(KFold(_FOLDS, shuffle=True, random_state=SPLIT_SEED).split(rows.movie))
    told = []
    for model in (GLOVE, FINETUNE):
        case, fits = tmdb_networks.published(model), []
        for train, test in folds:
            parts = tmdb_networks.Parts(rows.of(train), rows.of(test), rows.of(test))
            fits.append(here.networks.fit(model, parts, FIRST_SEED, case.changed))
        r2 = of_fits(fits)["r2"]
        told.append(f"`{model}` R² {tables.spread('r2', r2)}")
    return {"d_folds": f"{_FOLDS} folds as published otherwise: {', '.join(told)}."}


def _figure(study: Study) -> Results:
    """Bars of every model: as published, where nothing leaks, and corrected."""
    here, bars = lab(study), dict[str, dict[str, Spread]]()
    for plan in map(SYSTEM.plan, NETWORKS):
        model = plan.model
        bars[f"{model}, as published"] = of_fits(here.published(model))
        bars[f"{model}, honest"] = of_fits(here.measure(model, "honest", honest(model)))
        for name, variant in plan.also.items():
            measured = study.measure(variant)
            name = name.removeprefix("corrected, ")
            bars[name] = {metric: measured.spread(metric) for metric in METRICS}
    chart, table = figures.grouped_bars(bars, "Errors and R² on movies without a rating in train")
    file = figures.write(FOLDER / study.preset / "bars", chart, table)
    return {"d_figure": Result(shown=order(here), files=(file,), seeds=here.seeds)}


def order(here: Lab) -> str:
    """In how many runs one network is better than another, as published; and the mean RMSEs."""
    found = [
        np.array([fit.metrics["rmse"] for fit in here.published(SYSTEM.plan(row).model)])
        for row in NETWORKS
    ]
    first, second, third = found
    names = [SYSTEM.plan(row).model.removeprefix("tmdb_") for row in NETWORKS]
    ranked = sorted(zip((of.mean() for of in found), names, strict=True))
    whole, n = (first < second) & (second < third), len(first)
    best = (first < second) & (first < third)
    return (
        f"As published, `{names[0]}` has the lowest RMSE in {best.sum()} of {n} runs; "
        f"`{names[1]}` is better than `{names[2]}` in {(second < third).sum()}, and the whole "
        f"published order is that of {whole.sum()}. By mean: "
        f"{', '.join(f'{name} {mean:.4f}' for mean, name in ranked)}."
    )


def _curves(study: Study) -> Results:
    """Loss and MAE of each epoch in the first run; test rows are those that are watched."""
    here, by_network = lab(study), {}
    for model in map(_model, NETWORKS):
        table = pd.DataFrame(here.first(model).history)
        squared = {f"{part}_mse": table[f"{part}_loss"] ** 2 for part in ("train", "valid")}
        by_network[model] = table.assign(**squared).drop(columns=["train_loss", "valid_loss"])
    stem = FOLDER / study.preset / "curves"
    numbers = pd.concat(by_network, names=["network"]).reset_index("network")
    file = figures.write(stem, figures.curves(by_network), numbers)
    told = []
    for model, table in by_network.items():
        test = table["valid_mse"]
        best = int(test.argmin())
        told.append(
            f"{model} lowest {test.iloc[best]:.4f} in epoch {best + 1}, last {test.iloc[-1]:.4f}"
        )
    shown = f"MSE on test rows, `valid` in the figure: {'; '.join(told)}."
    return {"d_curves": Result(shown=shown, files=(file,))}


def _model(row: str) -> str:
    return SYSTEM.plan(row).model


def _drawings(study: Study) -> Results:
    here = lab(study)
    drawn = {
        model: [Layer.of(layer) for layer in here.first(model).layers]
        for model in map(_model, NETWORKS)
    }
    panels = alt.hconcat(*(network(name, layers) for name, layers in drawn.items()))
    file = figures.write(FOLDER / study.preset / "layers", panels)
    trained = {name: sum(layer.parameters for layer in layers) for name, layers in drawn.items()}
    told = ", ".join(f"{name} {number:,}" for name, number in trained.items())
    return {"d_drawing": Result(shown=f"Trained weights: {told}.", files=(file,))}


def _evaluated(study: Study) -> Results:
    """The first network by Keras' own `evaluate`, in batches."""
    here = lab(study)
    same = of_fits(here.published(DNN), ("mse", "mae"))
    rows = len(as_published(joined(here.networks.movies)).test.movie)
    batches = counts({"batches": -(-rows // _EVALUATED)})
    shown = f"{rows:,} test rows in batches of {_EVALUATED}, Keras' default."
    return {"d_evaluate": Result(same=same), "d_batches": Result(same=batches, shown=shown)}


def _times(study: Study) -> Results:
    here, same = lab(study), {}
    for model in map(_model, NETWORKS):
        epochs = here.first(model).config.epochs
        each = [fit.seconds / epochs for fit in here.published(model)]
        same[f"{model.removeprefix('tmdb_')}_epoch_seconds"] = spread(each)
    return {"d_times": Result(same=same)}


def _vectors(study: Study) -> Results:
    here = lab(study)
    train = as_published(joined(here.networks.movies)).train
    words = list(vocabulary(here.networks.movies.titles[movie] for movie in train.movie))
    found, number = glove(words)
    without = int((~found.any(axis=1)).sum())
    shown = f"Titles in train have {len(words):,} different words, {without} of them no vector."
    return {"d_vectors": Result(same=counts({"vectors": number}), shown=shown)}


def _texts(study: Study) -> Results:
    """GloVe of overviews and keywords, pooled, in place of a title."""
    here = lab(study)
    texts = {
        OVERVIEW: [str(text or "") for text in here.items[OVERVIEW].fillna("")],
        KEYWORDS: [" ".join(words) for words in _listed(here.items[KEYWORDS])],
    }
    also = {}
    for column, of_column in texts.items():
        for pooling, what in (("mean", "averaged"), ("max", "max-pooled")):
            vectors = pooled(of_column, pooling)
            also[f"{column}, {what}"] = _on_columns(here, partial(_given, vectors))
    return {"d_texts": Result(also=also, seeds=_HONEST_SEEDS)}


def _categories(study: Study) -> Results:
    """Genres, companies and the language as ones and zeros, in place of a title."""
    here = lab(study)
    values = {column: _listed(here.items[column]) for column in (GENRES, COMPANIES)}
    values[LANGUAGE] = [[name] if name else [] for name in here.items[LANGUAGE].fillna("")]
    also = {
        column.replace("_", " "): _on_columns(here, partial(one_hot, of_column))
        for column, of_column in values.items()
    }
    shown = "The cast is in the file of credits, which is not at hand."
    return {"d_categories": Result(also=also, shown=shown, seeds=_HONEST_SEEDS)}


def _given(columns: np.ndarray, train: Rows) -> np.ndarray:
    return columns


def _listed(column: pd.Series) -> list[list[str]]:
    return [list(values) if values is not None else [] for values in column]


def _on_columns(here: Lab, columns: Callable[[Rows], np.ndarray]) -> dict[str, Estimate]:
    """Errors of the dense layers on columns made for train, on the honest splits."""
    fits, case = [], honest(GLOVE)
    for seed in range(FIRST_SEED, FIRST_SEED + _HONEST_SEEDS):
        parts = parts_of(here.networks.movies, case, seed)
        given = columns(parts.train)
        fits.append(here.networks.fit(GLOVE, parts, seed, case.changed, given))
    return estimates(fits)


def _protocol(study: Study) -> Results:
    """Where the text and the code of the document are not the same."""
    here = lab(study)
    config = here.first(DNN).config
    used = {
        "validation": "test rows",
        "early stopping": config.patience is not None,
        "dropout": f"after the {config.dropout_after} dense layer",
        "title": "its length",
        "duplicates": len(joined(here.networks.movies).movie) - len(here.items),
        "medians, logarithms, PCA": "none",
        "folds": 1,
    }
    shown = f"{len(used)} places, listed among the settings; runs as published follow the code."
    return {"d_protocol": Result(settings=used, shown=shown)}


PARTS: Parts = {
    _DATA: _data,
    ("d_folds",): _folds,
    **{(row,): partial(_network, row) for row in NETWORKS},
    ("d_figure",): _figure,
    ("d_curves",): _curves,
    ("d_drawing",): _drawings,
    ("d_evaluate", "d_batches"): _evaluated,
    ("d_times",): _times,
    ("d_vectors",): _vectors,
    ("d_texts",): _texts,
    ("d_categories",): _categories,
    ("d_protocol",): _protocol,
}
