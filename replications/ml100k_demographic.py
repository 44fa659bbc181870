"""System E: a network on what is known of a person and of a movie, whatever their ids."""

from __future__ import annotations

from replications import examples
from replications.measure import Parts, Results, Shown, Study
from replications.published import Variant

_WRITTEN = "`dvc exp run -S +experiment=ml100k_demographic` writes it to `reports/metrics/`"


def _person(study: Study) -> Results:
    """Of our network that reads the same about a person, as `reelbench recommend --age 24` does."""
    ran = study.run(Variant(model="demographic"))
    return {"e_menu_person": examples.for_typed_profile(ran, "demographic")}


def _uses(study: Study) -> Results:
    model = "ml100k_network"
    ran = study.run(Variant(model=model))
    return {
        "e_menu_user": examples.for_first_user(ran, model),
        "e_menu_rmse": f"{ran.metrics(model)['rmse']:.4f} on held-out rows; {_WRITTEN}.",
    }


PARTS: Parts = {("e_menu_user", "e_menu_rmse"): _uses, ("e_menu_person",): _person}
SHOWN: dict[str, Shown] = {}
