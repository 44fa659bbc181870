"""What `mlflow models serve` runs: MLflow keeps this file as code, so that nothing is pickled.

Only MLflow and the mirror load it; everything else imports `bundle`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.pyfunc import PythonModel, PythonModelContext
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

from reelbench.columns import ITEM_ID, RANK, SCORE, TITLE, USER_ID
from reelbench.serving.bundle import Bundle

ARTIFACT = "bundle"
SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(DataType.string, USER_ID)]),
    outputs=Schema(
        [
            ColSpec(DataType.string, USER_ID),
            ColSpec(DataType.string, ITEM_ID),
            ColSpec(DataType.string, TITLE),
            ColSpec(DataType.float, SCORE),
            ColSpec(DataType.long, RANK),
        ]
    ),
    params=ParamSchema([ParamSpec("k", DataType.long, 10)]),
)


class TopK(PythonModel):
    """`user_id` in, the k best unseen movies of each user out."""

    def load_context(self, context: PythonModelContext) -> None:
        self._bundle = Bundle.read(Path(context.artifacts[ARTIFACT]))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """See `Bundle.recommend`; MLflow fills `params` from the signature."""
        k = SIGNATURE.params.params[0].default if params is None else params["k"]
        return self._bundle.recommend(model_input[USER_ID].tolist(), k)


mlflow.models.set_model(TopK())
