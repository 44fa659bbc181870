"""Presets: the files below `conf/` as the library knows them, outside a project too.

`reelbench/conf` is a link to `conf/` of the checkout, and a folder of the same files in the wheel:
a value is written once, whether Hydra composes it into `params.yaml` or `load_dataset` reads it.
"""

from collections.abc import Mapping
from pathlib import Path

from reelbench import params
from reelbench.params import ParamsError, nearest

FOLDER = Path(__file__).parent / "conf"

# what a message calls an entry of a group
_KINDS = {"data": "data set", "split": "protocol", "features": "feature block"}


def names(group: str, folder: Path = FOLDER) -> list[str]:
    """Names of the presets of a group, such as `data`, `split` or `features`, sorted."""
    return sorted(file.stem for file in (folder / group).glob("*.yaml"))


def preset(group: str, name: str, folder: Path = FOLDER) -> Mapping[str, object]:
    """Content of one preset.

    Raises:
        ParamsError: the group has no preset of this name.
    """
    known = names(group, folder)
    if name not in known:
        raise ParamsError(f"unknown {_KINDS.get(group, group)} '{name}'{nearest(name, known)}")
    return params.read_yaml(folder / group / f"{name}.yaml")
