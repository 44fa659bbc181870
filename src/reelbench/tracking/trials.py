"""A search as MLflow runs: a parent for the search, and below it a run for every trial.

A search is found again by the hash of its file, a trial by its number; what is complete is left
alone, so that mirroring again changes nothing and a mirror that was killed is resumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelbench.tracking.search import Search, Trial
from reelbench.tracking.store import Store

# a run is found by these
SEARCH = "reelbench.search"
SEARCH_HASH = "reelbench.search_hash"
TRIAL = "reelbench.trial"
# MLflow's own mark of a nested run
PARENT = "mlflow.parentRunId"

_FINISHED, _FAILED = "FINISHED", "FAILED"
_MOST_RUNS = 1000


class SearchStore(Store):
    """A store that holds searches as well."""

    def mirror_search(self, search: Search) -> None:
        """Write those runs of a search that there are not yet."""
        experiment = self._experiment(search.experiment)
        same = {SEARCH: search.model, SEARCH_HASH: search.search_hash}
        found = self._search(experiment, same)
        parent = found[0] if found else self._new(experiment, f"tune {search.model}", same)
        if parent.info.status == _FINISHED:
            return
        self._trials(experiment, parent, search)
        self._log(parent, search.parameters, search.metrics, search.tags)
        self._client.set_terminated(parent.info.run_id, _FINISHED)

    def _trials(self, experiment: str, parent: Any, search: Search) -> None:
        below = {PARENT: parent.info.run_id}
        known = {run.data.tags.get(TRIAL): run for run in self._search(experiment, below)}
        for trial in search.trials:
            name = str(trial.number)
            run = known.get(name) or self._new(experiment, name, below | {TRIAL: name})
            if run.info.status not in (_FINISHED, _FAILED):
                self._log(run, trial.parameters, trial.metrics, trial.tags)
                self._client.set_terminated(run.info.run_id, _status(trial))

    def _search(self, experiment: str, tags: Mapping[str, str]) -> list[Any]:
        condition = " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in tags.items())
        return list(self._client.search_runs([experiment], condition, max_results=_MOST_RUNS))

    def _new(self, experiment: str, name: str, tags: Mapping[str, str]) -> Any:
        return self._client.create_run(experiment, tags=dict(tags), run_name=name)

    def _log(
        self,
        run: Any,
        parameters: Mapping[str, str],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        # the time of the run's start: what a killed mirror has written is the same, not more
        start = run.info.start_time
        self._client.log_batch(
            run.info.run_id,
            metrics=[Metric(key, value, start, 0) for key, value in metrics.items()],
            params=[Param(key, value) for key, value in parameters.items()],
            tags=[RunTag(key, value) for key, value in tags.items()],
        )


def _status(trial: Trial) -> str:
    return _FAILED if "error" in trial.tags else _FINISHED
