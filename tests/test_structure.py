"""The pipeline's definition agrees with the code: what a stage imports is among its deps."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import grimp
import pytest
import yaml
from dvc.repo import Repo

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
# they cannot change what a stage computes: names; where Spark runs; the copy of results in MLflow;
# and the readers of parameters, whose values DVC compares itself
WITHOUT_INFLUENCE = {
    "reelbench.columns",
    "reelbench.environment",
    "reelbench.machine",
    "reelbench.faults",
    "reelbench.parallel",
    "reelbench.params",
    "reelbench.paths",
    "reelbench.spark",
    "reelbench.tracking",
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("reelbench")


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Stage name → its Python files and folders below src/."""
    # elsewhere, since dvc.lock may just be written here by a pipeline that runs
    folder = tmp_path_factory.mktemp("stages")
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, folder / name)
    with Repo.init(str(folder), no_scm=True) as repo:
        found = {}
        for stage in repo.index.stages:
            deps = {os.path.relpath(dep.fs_path, folder) for dep in stage.deps}
            found[stage.name] = {dep for dep in deps if dep.startswith("src/")}
    # no model is tuned or repeated by default, so that DVC has no such stages to show
    declared = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    for name in ("tune", "repeat"):
        deps = declared[name]["do"]["deps"]
        found[name] = {dep for dep in deps if dep.startswith("src/")}
    return found


def file_of(module: str) -> str:
    path = SOURCE / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return str(file.relative_to(ROOT))


def imported(graph: grimp.ImportGraph, module: str) -> set[str]:
    """Modules that `module` reaches, not looking through those without influence."""
    reached, todo = set(), {module}
    while todo:
        name = todo.pop()
        reached.add(name)
        direct = graph.find_modules_directly_imported_by(name)
        todo |= {m for m in direct if m not in WITHOUT_INFLUENCE} - reached
    return reached


def roots(stage: str, deps: set[str]) -> set[str]:
    """The stage's own module and those that it finds by a name in the parameters."""
    plugins = {
        dep.removeprefix("src/").removesuffix(".py").replace("/", ".")
        for dep in deps
        if dep.startswith(("src/reelbench/models/", "src/reelbench/features/"))
    }
    return {f"reelbench.stages.{stage.split('@')[0]}"} | plugins


def test_every_import_of_a_stage_is_a_dependency(
    graph: grimp.ImportGraph, stages: dict[str, set[str]]
) -> None:
    missing = []
    for stage, deps in stages.items():
        modules = set().union(*(imported(graph, root) for root in roots(stage, deps)))
        if stage.startswith("train@"):  # the code that all trainings share reaches it by a hash
            deps = deps | stages["inputs"]
        for module in sorted(modules):
            file = file_of(module)
            if file.endswith("__init__.py") and not (ROOT / file).read_text().count("import"):
                continue  # a docstring
            covered = any(file == dep or file.startswith(f"{dep}/") for dep in deps)
            if not covered:
                missing.append(f"{stage}: {file}")
    assert not missing, "\n".join(missing)


def test_a_stage_depends_on_no_other_models_code(stages: dict[str, set[str]]) -> None:
    assert "src/reelbench/models/svd.py" in stages["train@svd"]
    assert "src/reelbench/models/svd.py" not in stages["train@bias"]


def test_importing_a_stage_loads_no_heavy_library() -> None:
    import subprocess
    import sys

    # modules that are useless without their library
    useless = ("__main__", "pyfunc", ".layers", ".towers")
    code = (
        "import sys, pkgutil, importlib, reelbench\n"
        "for m in pkgutil.walk_packages(reelbench.__path__, 'reelbench.'):\n"
        f"    if not m.name.endswith({useless}):\n"
        "        importlib.import_module(m.name)\n"
        "heavy = {'tensorflow', 'keras', 'torch', 'sentence_transformers', 'mlflow'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_notebooks_are_kept_without_outputs() -> None:
    files = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert [file.stem for file in files] == ["01_data", "02_compare", "03_your_data"]
    for file in files:
        cells = [c for c in json.loads(file.read_text())["cells"] if c["cell_type"] == "code"]
        assert cells and all(c["outputs"] == [] and c["execution_count"] is None for c in cells)
