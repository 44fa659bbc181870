"""Models in MLflow's registry: a version for each, and an alias for the best.

One registered model per data set and split, since an alias points to one version of one registered
model: `models:/ml-100k.temporal_user@champion` is the best of all. A version is made once for every
logged model. The champion is the best on the test part by a stated metric: take its own test figure
for as optimistic as the best of so many is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelbench.tracking.names import CHAMPION, registered_name
from reelbench.tracking.state import State
from reelbench.tracking.store import PYFUNC

MODEL, METRIC = "reelbench.model", "reelbench.champion_metric"


def register(client: Any, state: State, runs: Mapping[str, Any]) -> None:
    """Make the versions that there are not yet, and point the alias to the best.

    Args:
        runs: by model; each holds the model itself.
    """
    if not runs:
        return
    name = registered_name(state.experiment)
    _ensure(client, name, state.tags["champion.metric"])
    versions = {v.run_id: v.version for v in client.search_model_versions(f"name='{name}'")}
    for model, run in runs.items():
        if run.info.run_id not in versions:
            versions[run.info.run_id] = _version(client, name, model, run)
    if state.champion is not None and state.champion in runs:
        _point(client, name, versions[runs[state.champion].info.run_id])


def _ensure(client: Any, name: str, metric: str) -> None:
    """The registered model, and by what its champion is chosen."""
    if not client.search_registered_models(f"name='{name}'"):
        client.create_registered_model(name, description="A version for every trained model.")
    client.set_registered_model_tag(name, METRIC, metric)


def _version(client: Any, name: str, model: str, run: Any) -> str:
    model_id = run.data.tags[PYFUNC]
    made = client.create_model_version(
        name,
        source=f"models:/{model_id}",
        run_id=run.info.run_id,
        tags={MODEL: model},
        description=model,
        model_id=model_id,
    )
    return str(made.version)


def _point(client: Any, name: str, version: str) -> None:
    known = client.get_registered_model(name).aliases
    if str(known.get(CHAMPION)) != str(version):
        client.set_registered_model_alias(name, CHAMPION, version)
