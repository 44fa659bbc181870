"""The model that `mlflow models serve` runs. MLflow stores this file as code, without pickle.

Only MLflow and `tracking` import it; everything else imports `bundle`.
"""

from pathlib import Path

import mlflow
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.pyfunc import PythonModel, PythonModelContext
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

from reelbench.columns import ITEM_ID, RANK, SCORE, TITLE, USER_ID
from reelbench.serving.bundle import Bundle

ARTIFACT = "bundle"
_COLUMNS = {name: DataType.string for name in (USER_ID, ITEM_ID, TITLE)}
_COLUMNS |= {SCORE: DataType.float, RANK: DataType.long}
SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(DataType.string, USER_ID)]),
    outputs=Schema([ColSpec(kind, name) for name, kind in _COLUMNS.items()]),
    params=ParamSchema([ParamSpec("k", DataType.long, 10)]),
)


class TopK(PythonModel):
    """Maps a table with `user_id` to the k best unseen movies of each user."""

    def load_context(self, context: PythonModelContext) -> None:
        self._bundle = Bundle.read(Path(context.artifacts[ARTIFACT]))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, int] | None = None,
    ) -> pd.DataFrame:
        """See `Bundle.recommend`; MLflow takes default `params` from the signature."""
        k = SIGNATURE.params.params[0].default if params is None else params["k"]
        return self._bundle.recommend(model_input[USER_ID].tolist(), k)


mlflow.models.set_model(TopK())
