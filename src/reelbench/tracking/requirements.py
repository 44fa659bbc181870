"""Which packages a logged model needs: those that its code imports, pinned to what runs here.

MLflow would find out by loading and calling every model in a process of its own (3 s each). The
imports in the source say the same at once, training's included.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import reelbench

_PACKAGE = Path(reelbench.__file__).parent
_version = cache(metadata.version)
# top-level name → distributions; reading those of a whole environment takes 0.3 s
_distributions = cache(metadata.packages_distributions)


def requirements(*modules: str) -> list[str]:
    """`name==version` of every distribution that these modules of reelbench reach, sorted."""
    reached, todo = set[str](), set(modules)
    while todo:
        module = todo.pop()
        reached.add(module)
        todo |= _imports(module) - reached
    roots = {name.split(".")[0] for name in reached}
    known = _distributions()
    outside = roots - {reelbench.__name__} - sys.stdlib_module_names
    names = {name for root in outside for name in known.get(root, ())}
    # "+cpu" and the like name a build that no index has under this very version
    return sorted(f"{name}=={_version(name).partition('+')[0]}" for name in names)


@cache
def _imports(module: str) -> frozenset[str]:
    """Full names that a module of reelbench imports anywhere in it; none for any other name."""
    root, *inner = module.split(".")
    stem = _PACKAGE.joinpath(*inner)
    files = [stem.with_suffix(".py"), stem / "__init__.py"] if root == reelbench.__name__ else []
    names: list[str] = []
    for file in filter(Path.is_file, files):
        for node in _nodes(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                # the names may be modules themselves, as in `from reelbench import paths`
                names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return frozenset(names)


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those below `if TYPE_CHECKING`, which never run."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from _nodes(node)
