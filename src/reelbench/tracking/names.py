"""Names in MLflow's registry, for those who do not import MLflow."""

from __future__ import annotations

#: the alias of the best model
CHAMPION = "champion"


def registered_name(experiment: str) -> str:
    """Registered model of an experiment `data/split`; a slash is not allowed there."""
    return experiment.replace("/", ".")
