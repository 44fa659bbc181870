"""System B: truncated SVD on each user's last ratings, and a network on a random split."""

from __future__ import annotations

from replications.counts import sizes
from replications.parts import Part, Script, of_plans
from replications.plan import FUTURE_SEEN, RANDOM_ROWS, Plan
from replications.reasons import mean_reason, neighbour_reason
from replications.result import Result, counted
from replications.rows import System
from replications.study import Study, Variant
from replications.words import line

ABOUT = "Honest is each user's last tenth as test, cold movies counted, the whole catalogue ranked."

_SVDS = Variant("svds")
_DNN = Variant(
    "latest_small_dnn", ("features.tags.max_terms=100", "evaluate.min_relevant_rating=4.0")
)
_RANDOM = ("split=random", "split.test=0.2", "split.valid=0.2")
_ALL_ROWS, _OWN_ITEMS = "encoder_on_all_rows", "own_test_items_only"
_COLD_DROPPED = "drop_cold_items"

_PLANS = (
    Plan(
        rows={"b_svds": ("rmse", "mae", "n_test")},
        same=_SVDS.with_(faults=[_COLD_DROPPED]),
        honest=_SVDS,
        single={_COLD_DROPPED: _SVDS.with_(faults=[_COLD_DROPPED])},
    ),
    Plan(
        rows={"b_dnn": ("rmse", "mae"), "b_dnn_recall": ("recall_at_10",)},
        same=_DNN.with_(*_RANDOM, faults=[_ALL_ROWS, _OWN_ITEMS]),
        honest=_DNN,
        single={
            FUTURE_SEEN: _DNN.with_(RANDOM_ROWS),
            _ALL_ROWS: _DNN.with_(faults=[_ALL_ROWS]),
            _OWN_ITEMS: _DNN.with_(faults=[_OWN_ITEMS]),
        },
    ),
)


def script(system: System) -> Script:
    """Split and SVD first: they take seconds."""
    split = Part(("b_split",), lambda study: [_split(system, study)])
    svds, dnn = of_plans(_PLANS, system)
    reasons = (
        Part(("b_svds_reason",), lambda study: [_reason("b_svds_reason", study, _SVDS)]),
        Part(("b_dnn_layers", "b_dnn_reason"), _of_network),
    )
    return Script((split, svds, reasons[0], dnn, reasons[1]))


def _split(system: System, study: Study) -> Result:
    ran = study.run(_SVDS, upto="split")
    result = Result(row="b_split", same=counted(sizes(ran)))
    return result.model_copy(update={"line": line(system.row("b_split"), result)})


def _reason(row: str, study: Study, variant: Variant) -> Result:
    return Result(row=row, shown=mean_reason(study.run(variant), variant.model))


def _of_network(study: Study) -> list[Result]:
    ran = study.run(_DNN)
    entry = ran.content["models"][_DNN.model]
    told = ", ".join(f"{key} {entry[key]}" for key in ("embeddings", "hidden", "head", "dropout"))
    terms = ran.content["features"]["tags"]["max_terms"]
    return [
        Result(row="b_dnn_layers", shown=f"`{_DNN.model}`: {told}; {terms} terms of train."),
        Result(row="b_dnn_reason", shown=neighbour_reason(ran, _DNN.model)),
    ]
