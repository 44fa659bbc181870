"""`python -m reelbench.stages STAGE [NAME]`: what the commands of dvc.yaml call."""

import importlib
import logging
import os
import sys
import warnings
from importlib.abc import MetaPathFinder

from reelbench import environment, params
from reelbench.seeds import pin_runtime, seed_everything

STAGES = (
    *("download", "clean", "split", "featurize", "inputs"),
    *("tune", "train", "evaluate", "repeat", "report"),
)


class _Lines(logging.Formatter):
    """A line as it is, or begun with its level where that is above INFO, as DVC prints it."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno <= logging.INFO else f"{record.levelname}: {text.strip()}"


def _print_what_matters() -> None:
    """Lines of ours from INFO, of libraries from WARNING; no bars, which a log cannot draw."""
    os.environ["TQDM_DISABLE"] = "1"
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines())
    logging.basicConfig(handlers=[handler])
    logging.getLogger("reelbench").setLevel(logging.INFO)
    logging.captureWarnings(True)
    # nobody can act on that: we call it with settings of our own
    warnings.filterwarnings("ignore", "OpenBLAS is configured to use")


class _WithoutExtras(MetaPathFinder):
    """Keeps Keras from importing two libraries that no stage calls, 1.3 s of its 4.3."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        keras = sys.modules.get("keras")
        loading = keras is not None and not hasattr(keras, "__version__")  # its last line but one
        if loading and name in ("sklearn", "matplotlib"):
            raise ImportError(f"{name} is not loaded for Keras")


def main(arguments: list[str]) -> int:
    """Run one stage; 0 on success, 2 for a mistake that its message explains."""
    if not arguments or arguments[0] not in STAGES:
        print(f"usage: python -m reelbench.stages {{{','.join(STAGES)}}} [NAME]", file=sys.stderr)
        return 2
    environment.print_always()
    _print_what_matters()
    stage, *names = arguments
    try:
        common = params.read()
        pin_runtime(common["threads"])
        seed_everything(common["seed"])
        importlib.import_module(f"reelbench.stages.{stage}").run(*names)
    except Exception as error:
        if (told := params.told(error)) is None:
            raise
        print(f"{stage}: {told}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.meta_path.insert(0, _WithoutExtras())
    sys.exit(main(sys.argv[1:]))
