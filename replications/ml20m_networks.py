"""System A's two networks: the ladder of refinements, variants, folds, curves and drawings."""

from __future__ import annotations

import pandas as pd

from reelbench import paths
from reelbench.files import read_json
from reelbench.models.mlp.recommender import HISTORY
from replications.curves import write_curves
from replications.drawings import layers, write_drawing
from replications.parts import Part, of_plans
from replications.plan import FUTURE_SEEN, RANDOM_ROWS, Plan
from replications.result import Result
from replications.rows import System
from replications.study import Study, Variant, over_folds
from replications.words import with_line

_RANDOM = ("split=random", "split.test=0.2", "split.valid=0.2")
_ALL_ROWS = "encoder_on_all_rows"
#: the tags of a test rating's own user and movie are read; whoever has written them has rated it
_ROW_TAGS = "row_tags"
_METRICS = ("mse", "mae", "train_mse")
# the first and the last of each network: what a fault is worth hardly differs between them
_ENDS = ("a_network1", "a_ladder_small", "a_network2", "a_network2_small")
_FEATURES = {"ml20m_network_1": "directors,genres", "ml20m_network_2": "genres"}


def _rungs(model: str, steps: dict[str, tuple[str, ...]]) -> dict[str, Variant]:
    """Variants of a network, each with what the ones before it have too."""
    found, so_far = {}, Variant(model)
    for row, parameters in steps.items():
        so_far = so_far.with_(*(f"models.{model}.{parameter}" for parameter in parameters))
        found[row] = so_far
    return found


_LADDER = _rungs(
    "ml20m_network_1",
    {
        "a_network1": (),
        "a_ladder_stopping": ("patience=3",),
        "a_ladder_units": ("hidden=[64,32]",),
        "a_ladder_rate": ("learning_rate=0.0005",),
        "a_ladder_l2": ("regularization=0.001",),
        "a_ladder_dropout": ("dropout=0.6",),
        "a_ladder_small": ("hidden=[32,16]",),
    },
)
_NETWORK2 = _rungs(
    "ml20m_network_2",
    {
        "a_network2": (),
        "a_network2_dropout": ("dropout=0.6",),
        "a_network2_rate": ("learning_rate=0.0005",),
        "a_network2_small": ("hidden=[32,16]",),
    },
)


_NETWORKS = {"network_1": _LADDER, "network_2": _NETWORK2}


def parts(system: System) -> list[Part]:
    """Every rung and variant, then the folds, then all curves and the drawings."""
    plans = [_plan(row, variant) for row, variant in (_LADDER | _NETWORK2).items()]
    return [
        *of_plans(plans, system),
        Part(("a_network2_folds",), lambda study: [_folds(system, study)]),
        Part(("a_curves",), _curves),
        Part(("a_drawing",), _drawings),
    ]


def _plan(row: str, variant: Variant) -> Plan:
    single = {
        FUTURE_SEEN: variant.with_(RANDOM_ROWS),
        _ALL_ROWS: variant.with_(faults=[_ALL_ROWS]),
        _ROW_TAGS: _as_published(variant),
    }
    return Plan(
        rows={row: _METRICS},
        same=_as_published(variant).with_(*_RANDOM),
        honest=variant,
        single=single if row in _ENDS else {},
    )


def _as_published(variant: Variant) -> Variant:
    """Tags are those of the row, of every row: without the fault they end where test begins."""
    features = f"models.{variant.model}.features=[{_FEATURES[variant.model]},row_tags]"
    return variant.with_(features, faults=[_ALL_ROWS])


def _folds(system: System, study: Study) -> Result:
    smallest = _NETWORK2["a_network2_small"]
    start = len(study.ran)
    found = over_folds(study, _as_published(smallest), 5)
    honest = study.measure(smallest)
    seconds, memory = study.cost(start)
    result = Result(
        row="a_network2_folds",
        same={metric: found.spread(metric) for metric in _METRICS},
        honest={metric: honest.estimate(metric) for metric in _METRICS},
        seconds=round(seconds, 1),
        peak_memory_bytes=memory,
    )
    return with_line(system, result)


def _curves(study: Study) -> list[Result]:
    """Every rung and variant on the published split, a figure for each of the two networks."""
    said, files = [], []
    for name, variants in _NETWORKS.items():
        tables = {_short(row): _history(variant, study) for row, variant in variants.items()}
        lowest = {rung: float(table["valid_mse"].min()) for rung, table in tables.items()}
        best = min(lowest, key=lambda rung: lowest[rung])
        epoch = int(tables[best]["valid_mse"].argmin()) + 1
        said.append(
            f"Network {name[-1]}, lowest MSE on valid: {best}, {lowest[best]:.4f} "
            f"in epoch {epoch} of {len(tables[best])}"
        )
        files.append(str(write_curves(study.preset, f"curves_{name}", tables)))
    return [Result(row="a_curves", shown=f"{'. '.join(said)}.", files=tuple(files))]


def _short(row: str) -> str:
    """What a rung has changed, such as `rate`; the network itself is `first`."""
    return row.rpartition("_")[2] if row not in ("a_network1", "a_network2") else "first"


def _history(variant: Variant, study: Study) -> pd.DataFrame:
    """Errors per epoch on the published split, squared where a curve has their root."""
    ran = study.run(_as_published(variant).with_(*_RANDOM))
    table = pd.DataFrame(read_json(ran.file(paths.model_dir(variant.model)) / HISTORY))
    squared = {f"{part}_mse": table[f"{part}_loss"] ** 2 for part in ("train", "valid")}
    return table.assign(**squared).drop(columns=["train_loss", "valid_loss"])


def _drawings(study: Study) -> list[Result]:
    """Layers before any rung and after the last one."""
    said, files = [], []
    for name, variants in _NETWORKS.items():
        before, *_, after = variants.values()
        drawn = {}
        for title, variant in (("before tuning", before), ("after", after)):
            ran = study.run(_as_published(variant).with_(*_RANDOM))
            drawn[f"Network {name[-1]}, {title}"] = layers(ran, variant.model)
        sizes = [f"{sum(layer.parameters for layer in found):,}" for found in drawn.values()]
        said.append(f"Network {name[-1]}: {sizes[0]} trained numbers before, {sizes[1]} after")
        files.append(str(write_drawing(study.preset, f"layers_{name}", drawn)))
    return [Result(row="a_drawing", shown=f"{'. '.join(said)}.", files=tuple(files))]
