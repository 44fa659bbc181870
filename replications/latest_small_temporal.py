"""System B: truncated SVD on each user's last ratings, and a network on a random split."""

from __future__ import annotations

from replications import examples
from replications.measure import Parts, Results, Shown, Study
from replications.published import Variant, system


def _reason(study: Study) -> Results:
    return {"b_svds_reason": examples.with_rating_count(study.run(Variant(model="svds")), "svds")}


def _network(study: Study) -> Results:
    plan = system("latest_small_temporal").plan("b_dnn")
    ran = study.run(plan.honest)
    entry = ran.content["models"][plan.model]
    layers = ", ".join(f"{key} {entry[key]}" for key in ("embeddings", "hidden", "head", "dropout"))
    terms = ran.content["features"]["tags"]["max_terms"]
    return {
        "b_dnn_layers": f"`{plan.model}`: {layers}; {terms} terms of train.",
        "b_dnn_reason": examples.with_neighbours(ran, plan.model),
    }


PARTS: Parts = {("b_svds_reason",): _reason, ("b_dnn_layers", "b_dnn_reason"): _network}
SHOWN: dict[str, Shown] = {}
