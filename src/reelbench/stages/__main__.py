"""`python -m reelbench.stages STAGE [NAME]`: what the commands of dvc.yaml call."""

from __future__ import annotations

import importlib
import logging
import sys

from reelbench import params
from reelbench.seeds import pin_runtime, seed_everything

STAGES = (
    "download",
    "clean",
    "split",
    "featurize",
    "inputs",
    "tune",
    "train",
    "evaluate",
    "report",
)


def main(arguments: list[str]) -> int:
    """Run one stage; 0 on success, 2 for a mistake that its message explains."""
    if not arguments or arguments[0] not in STAGES:
        print(f"usage: python -m reelbench.stages {{{','.join(STAGES)}}} [NAME]", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    stage, *names = arguments
    try:
        common = params.read()
        pin_runtime(common["threads"])
        seed_everything(common["seed"])
        importlib.import_module(f"reelbench.stages.{stage}").run(*names)
    except ValueError as error:  # ParamsError, DataError: the user's to mend, a trace would hide it
        print(f"{stage}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
