"""Stage `inputs`: which content of which feature blocks each model reads.

DVC cannot let a list in the parameters pick dependencies. So one cheap stage that depends on all
blocks writes a small file per model, and `train@{model}` depends on that file alone: a block that
a model does not use may change without retraining it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reelbench import params, paths
from reelbench.features.block import IDS
from reelbench.files import sha256_file, write_json


def run() -> None:
    """Write `{block: sha256}` of every model's blocks and of `ids`."""
    content = params.read()
    wanted: Mapping[str, Sequence[str]] = params.select(content, "inputs")
    known = sorted(params.select(content, "features"))
    for model, blocks in wanted.items():
        _check(model, blocks, known)
    names = sorted({IDS, *(block for blocks in wanted.values() for block in blocks)})
    hashes = {name: sha256_file(paths.feature_block(name)) for name in names}
    for model, blocks in wanted.items():
        write_json(paths.model_inputs(model), {name: hashes[name] for name in (IDS, *blocks)})


def _check(model: str, blocks: Sequence[str], known: Sequence[str]) -> None:
    for block in blocks:
        if block not in known:
            file = paths.CONF / "models" / f"{model}.yaml"
            raise params.ParamsError(
                f"{file}: features: no block '{block}'; known blocks: {', '.join(known)}"
            )
