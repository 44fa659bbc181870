"""The runs table of MLflow's UI as a leaderboard: its models alone, the best first, with metrics.

MLflow shows no metrics by itself. A view that somebody shares in the UI is a tag of the experiment;
this is such a tag, and `PATH` the link that the UI would hand out.
"""

from __future__ import annotations

import base64
import json
import zlib
from urllib.parse import quote

from reelbench.evaluation.metrics import find
from reelbench.tracking.store import MODEL

_KEY = "leaderboard"
_TAG = f"mlflow.sharedViewState.{_KEY}"
# the prefix by which the UI knows that the rest is compressed
_COMPRESSED = "deflate;"
_COLUMNS = (
    "test/rmse",
    "test/mae",
    "test/ndcg_at_10",
    "test/recall_at_10",
    "cost_train/train_seconds",
    "cost_evaluate/score_microseconds_per_user",
)


def tags(metric: str) -> dict[str, str]:
    """Tags of an experiment: its view, and that it is one of models rather than of prompts.

    Args:
        metric: the rows are ordered by it.
    """
    return {_TAG: _packed(_state(metric)), "mlflow.experimentKind": "custom_model_development"}


def path(experiment_id: str) -> str:
    """Where the UI has the table, after the address of the server."""
    return f"/#/experiments/{quote(experiment_id)}/runs?viewStateShareKey={_KEY}"


def _state(metric: str) -> dict[str, object]:
    shown = dict.fromkeys((f"test/{metric}", *_COLUMNS))
    return {
        "searchFilter": f"tags.`{MODEL}` != ''",
        "orderByKey": f"metrics.`test/{metric}`",
        "orderByAsc": find(metric).better == "lower",
        "selectedColumns": [f"metrics.`{name}`" for name in shown],
    }


def _packed(content: dict[str, object]) -> str:
    compressed = zlib.compress(json.dumps(content).encode())
    return _COMPRESSED + base64.b64encode(compressed).decode()
