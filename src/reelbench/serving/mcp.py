"""A finished run as tools of the Model Context Protocol, on standard input and output.

An assistant starts `reelbench mcp` as its own process: nothing listens on a port, and nothing is
written. What is asked wrongly is answered with a sentence, as on the command line.
"""

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache, wraps
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, ParamSpec

import pandas as pd
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from reelbench import params, paths
from reelbench.data.identity import KEYS, read_data, read_identity, same_results
from reelbench.evaluation.metrics import find, is_metric
from reelbench.serving import AskError
from reelbench.serving import recommend as core
from reelbench.serving.library import Library
from reelbench.serving.trained_models import ranking_metric, read_leaderboard

_ABOUT = "A benchmark of movie recommenders. Every figure is of the test part of its last run."
_COSTS = ("train_seconds", "score_microseconds_per_user", "peak_memory_bytes", "model_bytes")
_COMPARED = ("value", "reference", "difference", "low", "high", "p", "verdict", "better")

_Length = Annotated[int, Field(ge=1, le=100)]
_Model = Annotated[str | None, Field(description="Name of a model; by default the best one.")]
_Metric = Annotated[str | None, Field(description="Such as rmse; by default nDCG.")]
_Asked = ParamSpec("_Asked")


def server(root: Path = Path()) -> MCPServer:
    """The tools, for the run in a folder, which is read when it is first asked for."""
    made, one = MCPServer("reelbench", instructions=_ABOUT, log_level="ERROR"), Lock()
    library = cache(lambda: Library.read(root))

    def tool(function: Callable[_Asked, dict[str, Any]]) -> None:
        @wraps(function)
        def answer(*args: _Asked.args, **options: _Asked.kwargs) -> dict[str, Any]:
            try:  # standard output belongs to the protocol, whatever a library prints
                with one, redirect_stdout(sys.stderr):
                    return function(*args, **options)
            except Exception as error:
                if (told := params.told(error)) is None:
                    raise
                raise ToolError(told) from error

        made.tool()(answer)

    @tool
    def recommend(
        user: Annotated[str | None, Field(description="Id of a user of the data set.")] = None,
        liked: Annotated[list[str], Field(description="Titles that a new user likes.")] = [],  # noqa: B006
        k: _Length = 10,
        model: _Model = None,
    ) -> dict[str, Any]:
        """Movies with reasons, for a user of the data set or for a new user who likes some titles.

        Without either, popular movies.
        """
        if user is not None and liked:
            raise AskError("give a user or liked titles, not both")
        if user is not None:
            return core.for_user(library(), user, k, model).as_json()
        found = core.for_liked(library(), liked, k, model) if liked else core.popular(library(), k)
        return found.as_json()

    @tool
    def similar(title: str, k: _Length = 10, model: _Model = None) -> dict[str, Any]:
        """Movies similar to a title, which may contain typing errors."""
        return core.similar(library(), title, k, model).as_json()

    @tool
    def leaderboard(metric: _Metric = None) -> dict[str, Any]:
        """The models of the run with test metrics, 95 % intervals and costs; the best first."""
        board = _of_run(root, read_leaderboard(root))
        found = _metric(metric, board)
        shown = [m for m in map(find, filter(is_metric, map(str, board))) if m.leaderboard]
        keys = [f"{m.key}{end}" for m in shown for end in ("", "_low", "_high")]
        known = [key for key in ("model", *keys, *_COSTS) if key in board]
        rows = board.sort_values(found, ascending=find(found).better == "lower")[known]
        models = rows.astype(object).where(rows.notna(), None).to_dict("records")  # JSON has no NaN
        return {"metric": found, "data": read_data(root)["data"], "models": models}

    @tool
    def compare(first: str, second: str, metric: _Metric = None) -> dict[str, Any]:
        """Whether one model is better than another: paired over users, simultaneous intervals.

        The difference is that of the first minus the second.
        """
        file = root / paths.COMPARISONS_CSV
        pairs = _of_run(root, pd.read_csv(file) if file.is_file() else pd.DataFrame())
        key = _metric(metric, list(pairs["metric"]))
        for a, b in ((first, second), (second, first)):
            same = (pairs["metric"] == key) & (pairs["first"] == a) & (pairs["second"] == b)
            for row in pairs[same].to_dict("records"):
                found = {name: row[name] for name in _COMPARED if pd.notna(row[name])}
                return {"metric": key, "first": a, "second": b} | found
        models = sorted({*pairs["first"], *pairs["second"]})
        raise AskError(f"{first} and {second} are not compared; models: {', '.join(models)}")

    return made


def _metric(asked: str | None, known: Any) -> str:
    """Key of a metric, by default nDCG at the smallest cutoff, else RMSE."""
    if asked is not None and asked not in set(known):
        raise AskError(f"there is no metric '{asked}'{params.nearest(asked, sorted(set(known)))}")
    best = ranking_metric(known)
    return asked or (best.key if best else "rmse")


def _of_run(root: Path, table: pd.DataFrame) -> pd.DataFrame:
    """A table of results, if it is of the parts in `data/`; else an AskError."""
    stored = {key: table[key].iloc[0] for key in KEYS if key in table and len(table)}
    if not len(table) or not same_results(stored, read_identity(root)):
        raise AskError(f"{root.resolve()} has no results of its data: run `make repro` first")
    return table
