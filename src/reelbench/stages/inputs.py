"""Stage `inputs`: what each model reads, as hashes; and which models the budget has no room for.

DVC cannot let a list in the parameters pick dependencies, and a path in `dvc.lock` for every file
of every model makes that file the slowest part of a run. So one cheap stage depends on the parts,
on all feature blocks and on the code that all models share, and writes a small file per model;
`train@{model}` depends on that file and on the model's own code. A block that a model does not use
may change without retraining it. That a model is skipped stands in its file too, so that a budget
that changes trains no other model again; what was predicted is in `paths.PLAN`. Blocks in which
the data set has nothing stand there as `empty`: the report says which models read nothing.
"""

from collections.abc import Mapping, Sequence

from reelbench import params, paths
from reelbench.costs import plan, predict
from reelbench.costs.predict import Sizes
from reelbench.features.block import IDS
from reelbench.files import code_hash, read_json_if_any, sha256_file, write_json

# what every training runs, relative to the package; dvc.yaml lists the same for the stage `inputs`
SHARED_CODE = (
    "data/interactions.py",
    "features/block.py",
    "features/matrices.py",
    "files.py",
    "models/base.py",
    "models/shared",
    "parallel.py",
    "seeds.py",
    "stages/train.py",
)


def run() -> None:
    """Write `paths.model_inputs` of every model; a ParamsError if it declares an unknown block."""
    content = params.read()
    wanted: Mapping[str, Sequence[str]] = params.select(content, "inputs")
    known = sorted(params.select(content, "features"))
    for model, blocks in wanted.items():
        if unknown := [block for block in blocks if block not in known]:
            raise params.ParamsError(
                f"{paths.CONF / 'models' / model}.yaml: features: no block '{unknown[0]}'; "
                f"known blocks: {', '.join(known)}"
            )
    empty = {b for b in known if read_json_if_any(paths.block_key(b)).get("empty") and b != IDS}
    names = sorted({IDS, *(block for blocks in wanted.values() for block in blocks)})
    hashes = {name: sha256_file(paths.feature_block(name)) for name in names}
    code, train, valid = code_hash(SHARED_CODE), sha256_file(paths.TRAIN), sha256_file(paths.VALID)
    found = plan.make(content, Sizes.of_split(), predict.slowness())
    skipped = found.skipped
    if skipped and len(skipped) == len(content["models"]):
        reasons = "; ".join(f"{model}: {reason}" for model, reason in skipped.items())
        raise params.ParamsError(f"no model can be trained: {reasons}")
    write_json(paths.PLAN, found.as_dict())
    for model, blocks in wanted.items():
        features = {name: hashes[name] for name in (IDS, *blocks)}
        inputs = {"code": code, "features": features, "train": train, "valid": valid}
        why = {"skipped": skipped[model]} if model in skipped else {}
        nothing = [block for block in blocks if block in empty]
        told = {"empty": nothing} if nothing else {}
        write_json(paths.model_inputs(model), inputs | told | why)
