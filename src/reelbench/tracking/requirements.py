"""Which packages a logged model needs: those that its code imports, pinned to what runs here.

MLflow would find out by loading and calling every model in a process of its own (3 s each). The
imports in the source say the same at once, training's included.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

import reelbench

_PACKAGE = Path(reelbench.__file__).parent


def requirements(*modules: str) -> list[str]:
    """`name==version` of every distribution that these modules of reelbench reach, sorted."""
    known = _distributions()
    names = {name for root in _third_party(modules) for name in known.get(root, ())}
    # "+cpu" and the like name a build that no index has under this very version
    return sorted(f"{name}=={_version(name)}" for name in names)


@cache
def _version(name: str) -> str:
    return metadata.version(name).partition("+")[0]


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Top-level name → distributions; reading those of a whole environment takes 0.3 s."""
    return metadata.packages_distributions()


def _third_party(modules: tuple[str, ...]) -> set[str]:
    """Top-level names outside the package and the standard library, through all own imports."""
    outside: set[str] = set()
    done: set[str] = set()
    todo = set(modules)
    while todo:
        module = todo.pop()
        done.add(module)
        for name in _imports(module):
            if name.split(".")[0] == reelbench.__name__:
                todo |= {name} - done
            else:
                outside.add(name.split(".")[0])
    return outside - sys.stdlib_module_names


@cache
def _imports(module: str) -> tuple[str, ...]:
    """Full names that a module of reelbench imports anywhere in it; none for what is no module."""
    return tuple(_read_imports(module))


def _read_imports(module: str) -> Iterator[str]:
    file = _file(module)
    for node in _nodes(ast.parse(file.read_text(encoding="utf-8"))) if file else ():
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            # the names may be modules themselves, as in `from reelbench import paths`
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those below `if TYPE_CHECKING`, which never run."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from _nodes(node)


def _file(module: str) -> Path | None:
    stem = _PACKAGE.joinpath(*module.split(".")[1:])
    candidates = (stem.with_suffix(".py"), stem / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)
