"""System A: the two networks, the refinements that trained one network further, and their lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.columns import ITEM_IDX, RATING, USER_IDX
from reelbench.data.interactions import Interactions
from reelbench.files import read_json
from reelbench.models.base import Recommender
from reelbench.models.network.summary import Layer
from reelbench.models.shared.keras_model import HISTORY
from reelbench.reporting.charts.chart import data
from reelbench.reporting.charts.networks import network
from reelbench.reporting.charts.style import HEIGHT, SERIES, WIDTH
from replications import figures
from replications.lists import unique
from replications.measure import FIRST_SEED, Parts, Results, Study, effects, settings, spread
from replications.ml20m_table import joined
from replications.published import Fault, Plan, Variant, system
from replications.results import FOLDER, Estimate, FaultEffect, Result, Spread, counts

SYSTEM = system("ml20m_hybrid")
#: rows of each network: itself, and each change added to those before it
LADDERS = {
    number: [row.id for row in SYSTEM.rows if row.run and row.run.model.endswith(number)]
    for number in ("1", "2")
}
_STOPPING, *_LATER = LADDERS["1"][1:]
#: rates at which the network of `a_ladder_stopping` is trained further, a row each
_RATES = dict(zip(_LATER, (0.001, 0.0005, 0.0005, 0.0005, 0.0005), strict=True))
#: faults of validation and reporting, each added to the honest protocol
_OF_VALIDATION = {
    "tail_validation": Fault(overrides=("+split.valid_rows=tail",)),
    "validation_on_test": Fault(overrides=("+split.valid_rows=test",)),
    "score_train_rows": Fault(options=("score_train_rows",)),
}
_SQUARED = ("mse", "mae")
_FILES = {"all": paths.INTERACTIONS, "train": paths.TRAIN, "held_out": paths.TEST}
_FOLDS, _LISTED = 5, 10


class Errors(NamedTuple):
    """MSE and MAE of a fitted network, not clipped to the rating scale, as in Keras."""

    mse: float
    mae: float


class Trained(NamedTuple):
    """A network trained once.

    Attributes:
        errors: over `all` rows, those of `train`, and those `held_out`.
        history: MSE and MAE of each epoch; those of train are means over its batches, dropout on.
    """

    errors: Mapping[str, Errors]
    history: pd.DataFrame


def trained(study: Study, variant: Variant, seed: int = FIRST_SEED) -> Trained:
    """A variant's network, with the errors that the document has of it."""
    ran = study.run(variant, seed=seed, upto="train")
    folder = ran.file(paths.model_dir(variant.model))
    model = Recommender.load(folder)
    found = {}
    for name, file in _FILES.items():
        rows = Interactions.from_parquet(ran.file(file))
        error = model._predict(rows.user_idx, rows.item_idx).astype(float) - rows.rating
        found[name] = Errors(float(np.mean(error**2)), float(np.mean(np.abs(error))))
    history = pd.DataFrame(read_json(folder / HISTORY))
    squared = {f"{part}_mse": history[f"{part}_loss"] ** 2 for part in ("train", "valid")}
    return Trained(found, history.assign(**squared).drop(columns=["train_loss", "valid_loss"]))


def continued(row: str) -> Variant:
    """A rung as printed: the network of the first rung, trained further at each later rate."""
    rates = [_RATES[later] for later in _LATER[: _LATER.index(row) + 1]] if row in _LATER else []
    first = SYSTEM.plan(_STOPPING).same
    return first.with_(f".continued=[{','.join(map(str, rates))}]") if rates else first


def rebuilt(row: str) -> Variant:
    """A rung as its text has it: a new network with the changes up to here."""
    return SYSTEM.plan(row).same


def short(row: str) -> str:
    """What a rung has changed, such as `rate`; the network itself is `first`."""
    return row.rpartition("_")[2] if row not in ("a_network1", "a_network2") else "first"


def _over_seeds(study: Study, variant: Variant) -> list[Trained]:
    return [trained(study, variant, FIRST_SEED + seed) for seed in range(study.seeds)]


def _spreads(found: Iterable[Errors], names: Sequence[str] = _SQUARED) -> dict[str, Spread]:
    mse, mae = zip(*found, strict=True)
    return {names[0]: spread(mse), names[1]: spread(mae)}


def _values(found: Mapping[str, Spread]) -> dict[str, Estimate]:
    return {metric: Estimate(value=figure.mean) for metric, figure in found.items()}


def _part(found: Iterable[Trained], part: str) -> dict[str, Spread]:
    return _spreads(one.errors[part] for one in found)


def _honest(study: Study, plan: Plan, more: Mapping[str, Variant]) -> Result:
    """Figures of a plan where nothing leaks, and what each fault is worth there."""
    honest = study.measure(plan.honest)
    single = {name: study.measure(v) for name, v in (plan.single | dict(more)).items()}
    worth: tuple[FaultEffect, ...] = effects(honest, single, _SQUARED) if more else ()
    return Result(honest=honest.estimates(_SQUARED), worth=worth)


def _validation(plan: Plan, *names: str) -> dict[str, Variant]:
    return {name: plan.honest.having(_OF_VALIDATION[name]) for name in names}


def _used(study: Study, row: str, variant: Variant, own: Mapping[str, object]) -> dict[str, object]:
    """Settings of a row: those of a variant's parameters, and others where the row has them."""
    known = SYSTEM.row(row)
    of_run = settings(known, study.run(variant, upto="split"))
    return {name: value for name, value in own.items() if name in known.settings} | of_run


def _network1(study: Study) -> Results:
    """Ten epochs and no stopping: errors of the last epoch, as Keras records them."""
    plan = SYSTEM.plan("a_network1")
    found = _over_seeds(study, plan.same)
    last = [one.history.iloc[-1] for one in found]
    same = {metric: spread([float(row[metric]) for row in last]) for metric in _OF_TRAIN}
    result = _honest(study, plan, _validation(plan, "score_train_rows"))
    own = {"stop words of tags": "English", "vocabulary of": "all rows"}
    used = _used(study, "a_network1", plan.same, own)
    return {
        "a_network1": result.model_copy(
            update={"same": same | _part(found, "held_out"), "settings": used}
        )
    }


_OF_TRAIN = ("train_mse", "train_mae")


def _rung(row: str, study: Study) -> Results:
    """Figures over all rows of the network trained further; beside it the rebuilt one."""
    plan = SYSTEM.plan(row)
    found, anew = _over_seeds(study, continued(row)), _over_seeds(study, rebuilt(row))
    also = {"The rows held out": _values(_part(found, "held_out"))}
    if row != _STOPPING:
        also["A network built anew, all rows"] = _values(_part(anew, "all"))
        also["Built anew, the rows held out"] = _values(_part(anew, "held_out"))
    more = _validation(plan, *_OF_VALIDATION) if row == _STOPPING else {}
    if row == _LATER[-1]:
        rates = ",".join(map(str, _RATES.values()))
        first = SYSTEM.plan(_STOPPING).honest.with_(f".continued=[{rates}]")
        more = {"continued": first} | _validation(plan, "score_train_rows")
    own = {"reported rows": "all", "learning rate": _RATES.get(row), "built anew": False}
    own["embeddings built anew"] = row == _STOPPING
    used = _used(study, row, continued(row), own)
    update = {"same": _part(found, "all"), "also": also, "settings": used}
    return {row: _honest(study, plan, more).model_copy(update=update)}


def _ladder(study: Study) -> Results:
    """Every rung as printed, trained further, built anew and honest, in one figure."""
    rows, table = LADDERS["1"][1:], []
    for row in rows:
        published = SYSTEM.row(row).published["mse"]
        variants = {"continued": continued(row), "rebuilt": rebuilt(row)}
        found = {name: _over_seeds(study, variant) for name, variant in variants.items()}
        of_all = {name: _part(of, "all")["mse"].mean for name, of in found.items()}
        held = {name: _part(of, "held_out")["mse"].mean for name, of in found.items()}
        honest = study.measure(SYSTEM.plan(row).honest).estimate("mse").value
        entry = [("all rows, as reported", {"published": float(published)} | of_all)]
        entry.append(("rows held out", held | {"honest": honest}))
        table += [
            {"rung": short(row), "rows": rows_of, "network": name, "mse": value}
            for rows_of, values in entry
            for name, value in values.items()
        ]
    numbers = pd.DataFrame(table)
    by = {
        place: of.pivot_table("mse", "rung", "network", sort=False)
        for place, of in numbers[numbers["network"] != "published"].groupby("rows", sort=False)
    }
    series = ((place, name) for place in by for name in by[place])
    sentences = [_told(by[place][name], str(place), str(name)) for place, name in series]
    stem = FOLDER / study.preset / "ladder"
    return {
        "a_ladder": Result(
            shown=" ".join(sentences),
            files=(figures.write(stem, ladder_chart(numbers), numbers),),
            seeds=study.seeds,
        )
    }


def _told(values: pd.Series, rows_of: str, name: str) -> str:
    """A series of the ladder as a sentence."""
    falls = sum(after < before for before, after in pairwise(values))
    listed = ", ".join(f"{value:.3f}" for value in values)
    place = rows_of.partition(",")[0]
    return (
        f"{name.capitalize()}, {place}: MSE {listed}; lower in {falls} of {len(values) - 1} steps."
    )


def ladder_chart(numbers: pd.DataFrame) -> alt.FacetChart:
    """MSE by rung: a column for all rows and one for those held out, a line per network."""
    names = list(dict.fromkeys(numbers["network"]))
    colour = alt.Scale(domain=names, range=list(SERIES)[: len(names)])
    line = alt.Chart(data(numbers), width=WIDTH // 2, height=HEIGHT).mark_line(point=True)
    return line.encode(
        x=alt.X("rung:N", sort=None, title=None, axis=alt.Axis(labelAngle=-45)),
        y=alt.Y("mse:Q", title="MSE", scale=alt.Scale(type="log", nice=False)),
        color=alt.Color("network:N", scale=colour, title=None),
    ).facet(column=alt.Column("rows:N", sort=None, title=None))


def _network2(row: str, study: Study) -> Results:
    """Errors over train and over the rows that both stop the training and are reported."""
    plan = SYSTEM.plan(row)
    found = _over_seeds(study, plan.same)
    same = _spreads((one.errors["train"] for one in found), _OF_TRAIN) | _part(found, "held_out")
    ends = row in (LADDERS["2"][0], LADDERS["2"][-1])
    more = _validation(plan, *_OF_VALIDATION) if ends else {}
    seeds = [FIRST_SEED + seed for seed in range(study.seeds)]
    used = _used(study, row, plan.same, {"seed of the split": seeds})
    update = {"same": same, "settings": used}
    return {row: _honest(study, plan, more).model_copy(update=update)}


def _fold(fold: int, *more: str) -> Variant:
    split = ("split=kfold", f"split.folds={_FOLDS}", f"split.fold={fold}", "split.valid=0.0")
    plan = SYSTEM.plan(LADDERS["2"][-1])
    return plan.faulty.with_(*split, "+split.valid_rows=test", *more)


_CONSECUTIVE = "split.shuffle=false"


def _folds(study: Study) -> Results:
    """Consecutive folds of the sorted table; beside them random ones."""
    held = {
        kind: [trained(study, _fold(fold, *more)).errors["held_out"] for fold in _numbers()]
        for kind, more in (("consecutive", (_CONSECUTIVE,)), ("random", ()))
    }
    plan = SYSTEM.plan(LADDERS["2"][-1])
    result = Result(
        same=_spreads(held["consecutive"]),
        honest=study.measure(plan.honest).estimates(_SQUARED),
        also={"Folds at random": _values(_spreads(held["random"]))},
        settings=_used(study, "a_network2_folds", _fold(1, _CONSECUTIVE), {}),
        shown="± is over the folds.",
    )
    return {"a_network2_folds": result}


def _numbers() -> range:
    return range(1, _FOLDS + 1)


def _recommended(study: Study) -> Results:
    """Lists of the network of the last fold, which is the one in use when lists are made."""
    table = joined(study)
    ran = study.run(_fold(_FOLDS, _CONSECUTIVE), upto="train")
    model = Recommender.load(ran.file(paths.model_dir("ml20m_network_2")))
    scores = model._predict(*(table[name].to_numpy(np.int64) for name in (USER_IDX, ITEM_IDX)))
    titles = table["title"].to_numpy()[np.argsort(-scores, kind="stable")]
    asked = list(dict.fromkeys(table["title"]))
    lists = {title: unique(titles, _LISTED, title) for title in asked}
    common = unique(titles, _LISTED, "")
    same = sum(found == common for found in lists.values())
    share = np.mean([len(set(found) & set(common)) / _LISTED for found in lists.values()])
    shown = (
        f"{same:,} of {len(asked):,} asked movies have the same list: {', '.join(common[:5])}, …. "
        "The others are on it and are left out of their own. Predictions are sorted, each from the "
        "features of the listed row; those of the asked movie are read and not used. So any "
        "network would do this, one without regression to the mean too: predictions have a "
        f"standard deviation of {scores.std():.2f}, ratings {table[RATING].std():.2f}."
    )
    same_of = counts({"share_in_common": float(share), "asked": len(asked), "same_list": same})
    return {"a_network2_lists": Result(same=same_of, shown=shown, settings={"listed": _LISTED})}


def _curves(study: Study) -> Results:
    """Every rung as printed, a figure for each of the two networks."""
    shown, files = [], []
    for number, rows in LADDERS.items():
        tables = {short(row): _history(study, row) for row in rows}
        lowest = {rung: float(table["valid_mse"].min()) for rung, table in tables.items()}
        best = min(lowest, key=lambda rung: lowest[rung])
        epoch = int(tables[best]["valid_mse"].argmin()) + 1
        shown.append(
            f"Network {number}, lowest MSE on the rows held out: {best}, {lowest[best]:.4f} "
            f"in epoch {epoch} of {len(tables[best])}"
        )
        numbers = pd.concat(tables, names=["training"]).reset_index("training")
        stem = FOLDER / study.preset / f"curves_network_{number}"
        files.append(figures.write(stem, figures.curves(tables), numbers))
    return {"a_curves": Result(shown=f"{'. '.join(shown)}.", files=tuple(files))}


def _history(study: Study, row: str) -> pd.DataFrame:
    """Epochs of a rung; of one that trains a network further, those of its own training."""
    if row not in _LATER:
        return trained(study, SYSTEM.plan(row).same).history
    before = ([_STOPPING, *_LATER])[_LATER.index(row)]
    earlier, table = (trained(study, continued(name)).history for name in (before, row))
    own = table.iloc[len(earlier) :]
    return own.assign(epoch=np.arange(1, len(own) + 1)).reset_index(drop=True)


def _layers(study: Study, row: str) -> list[Layer]:
    plan = SYSTEM.plan(row)
    stored = read_json(study.run(plan.same, upto="train").file(paths.layers(plan.model)))
    return [Layer.of(layer) for layer in stored]


def _summary(study: Study) -> Results:
    """Trained weights of network 1 by layer."""
    found = {layer.name: layer.parameters for layer in _layers(study, "a_network1")}
    shown = (
        "Embeddings of users and movies have one more row here, for the unknown. The first dense "
        "layer has 128 weights per column: its size says how many genres and terms there are."
    )
    return {"a_layers": Result(same=counts(weights_of(found)), shown=shown)}


def weights_of(found: Mapping[str, int]) -> dict[str, float]:
    """Weights of the layers of the document's table, by its names; `found` is by ours.

    Our first dense layer is several, one for the columns of each tower and one for the tags.
    """
    names = {"user": "user_embedding", "movie": "item_embedding", "director": "director_embedding"}
    first = sum(n for name, n in found.items() if name.endswith("_to_first"))
    weights = {name: found[ours] for name, ours in names.items()}
    weights |= {"hidden_1": first + found["first_bias"], "hidden_2": found["hidden_1"]}
    return {name: float(number) for name, number in weights.items()}


def _drawings(study: Study) -> Results:
    """Layers before any rung and after the last one."""
    shown, files = [], []
    for number, (before, *_, after) in LADDERS.items():
        drawn = {
            f"Network {number}, {when}": _layers(study, row)
            for when, row in (("before tuning", before), ("after", after))
        }
        weights = [f"{sum(layer.parameters for layer in layers):,}" for layers in drawn.values()]
        shown.append(f"Network {number}: {weights[0]} trained weights before, {weights[1]} after")
        stem = FOLDER / study.preset / f"layers_network_{number}"
        panels = alt.hconcat(*(network(title, layers) for title, layers in drawn.items()))
        files.append(figures.write(stem, panels))
    return {"a_drawing": Result(shown=f"{'. '.join(shown)}.", files=tuple(files))}


PARTS: Parts = {
    ("a_network1",): _network1,
    ("a_layers",): _summary,
    **{(row,): partial(_rung, row) for row in LADDERS["1"][1:]},
    ("a_ladder",): _ladder,
    **{(row,): partial(_network2, row) for row in LADDERS["2"]},
    ("a_network2_folds",): _folds,
    ("a_network2_lists",): _recommended,
    ("a_curves",): _curves,
    ("a_drawing",): _drawings,
}
