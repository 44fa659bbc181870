"""The tools of `reelbench mcp`, called by the client of the protocol's own package."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mcp import Client, StdioServerParameters
from places import ROOT
from serving_samples import models, write_project

from reelbench import paths

pytestmark = pytest.mark.slow
PAIR = {"metric": "ndcg_at_10", "first": "warp", "second": "ease", "value": 0.3, "reference": 0.2}
PAIR |= {"difference": 0.1, "low": 0.02, "high": 0.18, "p": 0.01, "verdict": "better"}


def asked(folder: Path, *calls: tuple[str, dict[str, Any]]) -> tuple[list[str], list[Any]]:
    """Names of the tools, and the results of calls, over the standard streams of a process."""

    async def talk() -> tuple[list[str], list[Any]]:
        started = StdioServerParameters(
            command=sys.executable,
            args=["-m", "reelbench.cli", "mcp"],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        )
        async with Client(started) as client:
            known = [tool.name for tool in (await client.list_tools()).tools]
            return known, [await client.call_tool(name, given) for name, given in calls]

    # a browser test before this one leaves a loop in its thread
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asyncio.wait_for(talk(), 300)).result()


def test_an_assistant_uses_a_finished_run(tmp_path: Path) -> None:
    write_project(tmp_path, models())
    rows = [PAIR | {"better": "warp"}, PAIR | {"metric": "mae", "better": None}]
    pd.DataFrame(rows).to_csv(tmp_path / paths.COMPARISONS_CSV, index=False)
    names, found = asked(
        tmp_path,
        ("recommend", {"user": "4", "k": 3}),
        ("recommend", {"liked": ["heat 0"], "model": "ease"}),
        ("recommend", {}),
        ("similar", {"title": "heat 0", "model": "text", "k": 2}),
        ("leaderboard", {}),
        ("compare", {"first": "ease", "second": "warp"}),
        ("recommend", {"user": "4", "liked": ["heat 0"]}),
        ("recommend", {"k": 0}),
        ("similar", {"title": "xyzzy"}),
        ("leaderboard", {"metric": "ndgc_at_10"}),
        ("compare", {"first": "ease", "second": "svd"}),
    )
    assert names == ["recommend", "similar", "leaderboard", "compare"]
    user, liked, popular, similar, board, pair, *wrong = found
    assert user.structured_content["model"] == "warp"
    assert len(user.structured_content["recommendations"]) == 3
    assert liked.structured_content["model"] == "ease"
    assert popular.structured_content["model"] == "weighted_mean"
    assert len(similar.structured_content["recommendations"]) == 2
    order = [row["model"] for row in board.structured_content["models"]]
    assert order == ["warp", "ease", "popularity", "global_mean"]
    assert pair.structured_content == PAIR | {"better": "warp"}
    assert all(result.is_error for result in wrong) and not any(r.is_error for r in found[:6])
    said = [result.content[0].text for result in wrong]
    for text, part in zip(
        said,
        (
            "not both",
            "greater than or equal to 1",
            "no movie is called",
            "did you mean",
            "models: ",
        ),
        strict=True,
    ):
        assert part in text and "Traceback" not in text


def test_a_folder_without_a_run_is_a_sentence(tmp_path: Path) -> None:
    _, found = asked(
        tmp_path, ("recommend", {}), ("leaderboard", {}), ("compare", {"first": "a", "second": "b"})
    )
    assert all(result.is_error and "make repro" in result.content[0].text for result in found)
