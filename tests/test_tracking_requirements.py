"""Packages of a logged model, read from the imports in its source."""

from __future__ import annotations

from importlib import metadata

from reelbench.tracking.record import requirements


def names(*modules: str) -> set[str]:
    return {line.split("==")[0] for line in requirements(*modules)}


def test_imports_are_followed_through_the_package() -> None:
    found = names("reelbench.serving.pyfunc")
    # mlflow by pyfunc itself, scipy and pyarrow by what it imports, PyYAML by another name
    assert {"mlflow", "numpy", "pandas", "scipy", "pyarrow", "PyYAML"} <= found
    assert not {"reelbench", "tensorflow", "torch", "scikit-surprise"} & found


def test_an_import_inside_a_function_counts() -> None:
    assert "scikit-surprise" in names("reelbench.models.svd")


def test_versions_are_those_that_run_here_without_the_build() -> None:
    pinned = dict(line.split("==") for line in requirements("reelbench.serving.pyfunc"))
    assert pinned["numpy"] == metadata.version("numpy")
    assert not [version for version in pinned.values() if "+" in version]
