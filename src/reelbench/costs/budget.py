"""What a run may take, and which models there is room for."""

import math
import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, PositiveFloat, PositiveInt

from reelbench.costs.predict import Cost
from reelbench.machine import memory_bytes
from reelbench.params import Section

# kept for everything else that runs: a tenth of the machine's memory, but at least 1 GB
_RESERVE, _LEAST_RESERVE = 0.1, 10**9
_UNITS = {"TB": 10**12, "GB": 10**9, "MB": 10**6, "KB": 10**3, "B": 1}


def _bytes(value: object) -> object:
    """Number of bytes that a text such as `2GB` names."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"\s*(\d+\.?\d*)\s*([KMGT]?B)\s*", value.upper())
    if found is None:
        raise ValueError(f"'{value}' is not a size such as 2GB or 500MB")
    return int(float(found[1]) * _UNITS[found[2]])


class BudgetConfig(Section):
    """Section `budget`."""

    #: of any one stage, such as 2GB; null: what the machine has, less a reserve
    memory: Annotated[PositiveInt, BeforeValidator(_bytes)] | None = None
    #: of a run in which every stage is executed; null: no limit
    seconds: PositiveFloat | None = None

    @property
    def memory_limit(self) -> int:
        """Bytes that a stage may take.

        It is what the machine has that counts, not what is free just now: a run that is repeated
        must choose the same models.
        """
        machine = memory_bytes()
        return self.memory or machine - max(_LEAST_RESERVE, round(machine * _RESERVE))


def choose(models: Mapping[str, Cost | None], always: Cost, budget: BudgetConfig) -> dict[str, str]:
    """Models that the budget has no room for, each with the reason.

    Everything counts at the upper end of its range. Of the seconds, what is always done comes
    first, then one model after the other, the cheapest first: so as many as possible are run. A
    model of unknown cost is run in any case.

    Args:
        models: cost by name, training and evaluation together.
        always: what is done whichever models are run.
        budget: the limits.
    """
    limit, known = budget.memory_limit, {n: cost for n, cost in models.items() if cost is not None}
    reasons = {
        name: f"would need {size_text(cost.memory.most)}, {size_text(limit)} are "
        + ("free" if budget.memory is None else "allowed")
        for name, cost in known.items()
        if cost.memory.most > limit
    }
    left = math.inf if budget.seconds is None else budget.seconds - always.seconds.most
    for name in sorted(known.keys() - reasons, key=lambda name: (known[name].seconds.most, name)):
        seconds = known[name].seconds.most
        if seconds > left:
            reasons[name] = f"would need {seconds:,.0f} s, {max(left, 0):,.0f} s are left"
        else:
            left -= seconds
    return reasons


def size_text(number: float) -> str:
    """A number of bytes with its unit, such as `31 GB`."""
    unit = next((unit for unit, least in _UNITS.items() if number >= least), "B")
    scaled = number / _UNITS[unit]
    return f"{scaled:.0f} {unit}" if scaled >= 10 or unit == "B" else f"{scaled:.1f} {unit}"
