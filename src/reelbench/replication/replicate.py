"""`reelbench replicate NAME`: all rows of one published system, and the page of all of them."""

from __future__ import annotations

import importlib
from pathlib import Path

from reelbench import paths
from reelbench.replication import markdown, result
from reelbench.replication.parts import Script, carried_out
from reelbench.replication.result import Report
from reelbench.replication.rows import system
from reelbench.replication.study import Study

WORK = paths.DATA / "replication"


def replicate(
    name: str, root: Path | None = None, data: str | None = None, seeds: int = 3
) -> Report:
    """Run every row of a system; write `reports/replication/NAME.json` and the page.

    Args:
        name: of the preset.
        root: folder with the files of the data set, where they are not fetched.
        data: another data set of `conf/data/` in place of the preset's.
        seeds: number of runs behind each spread.

    Raises:
        ParamsError: no such replication.
    """
    known = system(name)
    module = importlib.import_module(f"reelbench.replication.{name}")
    study = Study(name, _overrides(root, data), seeds, WORK / name)
    script: Script = module.script(known)
    rows = carried_out(script, study, known)
    used = study.ran[-1].content["data"]["name"] if study.ran else (data or name)
    report = Report(preset=name, data=used, about=module.ABOUT, seeds=seeds, rows=rows)
    result.write(report)
    markdown.write()
    return report


def _overrides(root: Path | None, data: str | None) -> tuple[str, ...]:
    """In Hydra's grammar; a variant runs in another folder, so paths are absolute."""
    chosen = (f"data={data}",) if data else ()
    return chosen if root is None else (*chosen, f"data.root={root.resolve()}")
