"""`conf/` → `params.yaml`, by the very code that `dvc exp run` uses, and a check of every section.

Composition as a DVC stage would undo `dvc exp run -S …` (the stage runs after the override and
composes without it), so it is a command of its own: `make params`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from reelbench import environment, faults, params, paths
from reelbench.params import ParamsError, Root, Section


def compose(output: Path = paths.PARAMS, overrides: list[str] | None = None) -> dict[str, Any]:
    """Compose `conf/` into `output`, by default `params.yaml`, and check it.

    Overrides are in Hydra's grammar, such as `models.svd.factors=64`; a parameter of a model need
    not be in `conf/`. What cannot be composed, and a section with an unknown key or a wrong value,
    is a ParamsError, and `output` is left as it was.
    """
    from dvc.utils.hydra import compose_and_dump
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from reelbench.files import atomic

    root = Path.cwd()
    # of a model, a parameter that its class alone has; of a file, another column: `++` adds it
    open_ended = ("models.", "data.read.tables.")
    wanted = [f"++{o}" if o.startswith(open_ended) else o for o in overrides or []]
    for override in wanted:
        params.refuse_password(override.partition("=")[0], override, paths.CONF)
    # what Hydra says of a file that it cannot read names neither file nor line
    for file in sorted((root / paths.CONF).rglob("*.yaml")):
        if file.stat().st_size:
            params.read_yaml(file.relative_to(root))
    with atomic(output) as temporary:
        try:
            compose_and_dump(
                str(temporary), str(root / paths.CONF), None, "config", str(root), wanted
            )
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            told, grammar, _ = str(error).partition("Config search path")[0].partition("See http")
            quotes = "put quotes around the value, as in \"data.root='/a#b'\"" if grammar else ""
            raise ParamsError(environment.masked(" ".join(f"{told} {quotes}".split()))) from error
        content = params.read_yaml(temporary)
        check(content)
    return content


def check(content: Mapping[str, Any]) -> None:
    """Validate every section with the config of the code that reads it."""
    from reelbench.evaluation import EvaluateConfig
    from reelbench.features.block import BlockEntry
    from reelbench.models.base import ModelEntry

    root = params.validate("params", dict(content), Root, paths.CONF / "config.yaml")
    params.refuse(content)
    faults.parse(root.faults)
    for section, config in _sections(content).items():
        source = params.conf_file(section, content)
        params.validate(section, params.select(content, section), config, source)
    options = {"seed": root.seed, "threads": root.threads}
    for name, values in root.features.items():
        _entry("features", name, values, BlockEntry).create(name, **options)
    for name, values in root.models.items():
        _entry("models", name, values, ModelEntry).create(name, **options)
        _refuse_unknown(paths.model_conf(name), "feature block", root.inputs.get(name, []), root)
    size = content["data"].get("size") or {}
    EvaluateConfig(**root.evaluate).check(size.get("items", 10**7))
    source = paths.CONF / "config.yaml"
    similarity = f"{source}: evaluate.similarity"
    _refuse_unknown(similarity, "feature block", [root.evaluate["similarity"]], root)
    _check_tuning(root)
    for section in ("tune", "repeat"):
        names = getattr(root, section)["models"]
        _refuse_unknown(f"{source}: {section}.models", "model", names, root)
    if root.seeds > 1 and content["split"].get("all"):
        raise ParamsError(f"{source}: seeds {root.seeds}: choose seeds=1, or split.all=false")


def _refuse_unknown(where: object, what: str, names: Iterable[str], root: Root) -> None:
    known = sorted(root.models if what == "model" else root.features)
    if unknown := [name for name in names if name not in known]:
        raise ParamsError(f"{where}: no {what} '{unknown[0]}'{params.nearest(unknown[0], known)}")


def _sections(content: Mapping[str, Any]) -> dict[str, type[Section]]:
    from reelbench.costs import EnergyConfig
    from reelbench.costs.plan import BudgetConfig
    from reelbench.data.clean.enrich import EnrichConfig
    from reelbench.data.clean.filters import FilterConfig
    from reelbench.data.engine import config_of
    from reelbench.data.fetch import SourceConfig
    from reelbench.data.readers import ReadConfig
    from reelbench.evaluation import EvaluateConfig
    from reelbench.gate import GateConfig
    from reelbench.splits import protocol_of
    from reelbench.tracking import TrackingConfig
    from reelbench.tuning.objective import TuneConfig

    found: dict[str, type[Section]] = {
        "data.source": SourceConfig,
        "data.read": ReadConfig,
        "enrich": EnrichConfig,
        "filter": FilterConfig,
        "split": protocol_of(content["split"]),
        "engine": config_of(content["engine"]),
        "evaluate": EvaluateConfig,
        "budget": BudgetConfig,
        "tune": TuneConfig,
        "gate": GateConfig,
        "tracking": TrackingConfig,
        "energy": EnergyConfig,
    }
    return {name: config for name, config in found.items() if name != "energy" or name in content}


def _entry(group: str, name: str, values: Any, config: type[Any]) -> Any:
    return params.validate(f"{group}.{name}", values, config, paths.CONF / group / f"{name}.yaml")


def _check_tuning(root: Root) -> None:
    """Refuse a search space that its model refuses, and unknown objectives and models."""
    from reelbench.evaluation import EvaluateConfig
    from reelbench.models.base import ModelEntry
    from reelbench.tuning.objective import objective_of
    from reelbench.tuning.space import check_space, read_space

    for name, section in root.search.items():
        source = paths.model_conf(name)
        _refuse_unknown(f"{source}: search.{name}", "model", [name], root)
        entry = _entry("models", name, root.models[name], ModelEntry)
        check_space(name, read_space(name, section, source), entry, source)
    objective_of(root.tune["objective"], True, EvaluateConfig(**root.evaluate))
