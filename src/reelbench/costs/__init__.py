"""What a run costs, before it is started, and which models a budget has room for.

`terms.yaml` states how the cost of every stage and model grows with the data and its settings,
`coefficients.json` what `benchmarks/cost.py` measured for each term, `predict.py` puts the two
together, and `plan.py` does it for a whole run, and chooses.
"""

from typing import Any

from pydantic import PositiveFloat

from reelbench import params, paths
from reelbench.files import read_json_if_any


class EnergyConfig(params.Section):
    """Section `energy` of the parameters."""

    #: of a busy core, where the machine does not tell its energy. 3.5: mean of AWS's servers per
    #: virtual core under full load (Cloud Carbon Footprint, Methodology: average max watts)
    watts_per_core: PositiveFloat = 3.5


def energy_of(cost: dict[str, Any]) -> dict[str, Any]:
    """A training's `energy_wh` and `energy_source`, by its `cpu_seconds` unless it was measured."""
    if cost.get("energy_source") == "measured" or "cpu_seconds" not in cost:
        return {key: cost[key] for key in ("energy_wh", "energy_source") if key in cost}
    estimated = cost["cpu_seconds"] * watts_per_core() / 3600
    return {"energy_wh": round(estimated, 6), "energy_source": "estimated"}


def watts_per_core() -> float:
    """The parameter `energy.watts_per_core`."""
    return EnergyConfig.model_validate(params.read().get("energy", {})).watts_per_core


def cpu_seconds_of_search(model: str) -> dict[str, float]:
    """`cpu_seconds` of all trials of a search of this checkout; empty where they are not known."""
    spent = read_json_if_any(paths.tune_cost(model)).get("cpu_seconds", {}).values()
    return {"cpu_seconds": round(sum(spent), 3)} if spent and None not in spent else {}
