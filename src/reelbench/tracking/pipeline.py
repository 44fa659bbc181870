"""A pipeline's state as an MLflow run: parent of its models' runs, found by its hash."""

from __future__ import annotations

from typing import Any

from reelbench.tracking import registry, view
from reelbench.tracking.state import State
from reelbench.tracking.store import PYFUNC
from reelbench.tracking.trials import PARENT, SearchStore

# a run is found by this
STATE_HASH = "reelbench.state_hash"
# the mark of a complete one
COMPLETE = "reelbench.state"


class PipelineStore(SearchStore):
    """A store that holds states of the pipeline as well."""

    def mirror_state(self, state: State) -> None:
        """Write the parent if there is none, put the models' runs below it, register the models.

        A model that two states share has one run, below the state that was mirrored last; the
        leaderboard of the other one stays with its own parent. A state with faults shares none
        with an honest one, and registers nothing.
        """
        experiment = self._experiment(state.experiment)
        for key, value in view.tags(state.tags["champion.metric"]).items():
            self._client.set_experiment_tag(experiment, key, value)
        same = {STATE_HASH: state.state_hash}
        found = self._search(experiment, same)
        parent = found[0] if found else self._new(experiment, state.name, same)
        if COMPLETE not in parent.data.tags:
            self._write(parent, state)
        runs = self._models(experiment, state)
        self._put_below(parent.info.run_id, runs)
        if not state.faults:
            logged = {model: run for model, run in runs.items() if PYFUNC in run.data.tags}
            registry.register(self._client, state, logged)

    def _write(self, parent: Any, state: State) -> None:
        run_id = parent.info.run_id
        self._log(parent, state.parameters, state.metrics, state.tags)
        for file in state.files:
            self._client.log_artifact(run_id, str(file))
        self._client.set_tag(run_id, COMPLETE, "complete")
        self._client.set_terminated(run_id)

    def _models(self, experiment: str, state: State) -> dict[str, Any]:
        """The runs of the state's models."""
        found = {
            model: self._found(experiment, model, model_hash, state.faults)
            for model, model_hash in state.hashes.items()
        }
        return {model: run for model, run in found.items() if run is not None}

    def _put_below(self, parent: str, runs: dict[str, Any]) -> None:
        for run in runs.values():
            if run.data.tags.get(PARENT) != parent:
                self._client.set_tag(run.info.run_id, PARENT, parent)
