"""`reelbench replicate NAME`: all rows of one published system, and the page of all of them."""

from __future__ import annotations

import importlib

from reelbench import paths
from reelbench.replication import markdown, result, table
from reelbench.replication.options import Options
from reelbench.replication.parts import Script, carried_out
from reelbench.replication.result import Report
from reelbench.replication.rows import system, systems
from reelbench.replication.study import Study

WORK = paths.DATA / "replication"


def replicate(name: str, options: Options) -> Report:
    """Run every row of a system; write `reports/replication/NAME.json` and the page.

    The module of the preset's name has `script(system)`, `ABOUT`, and `prepare(options, folder)`
    where it makes data of its own.

    Raises:
        ParamsError: no such replication, or an option that cannot be used.
    """
    known = system(name)
    module = importlib.import_module(f"reelbench.replication.{name}")
    folder = WORK / name
    folder.mkdir(parents=True, exist_ok=True)
    prepare = getattr(module, "prepare", None)
    overrides = options.overrides() if prepare is None else prepare(options, folder)
    study = Study(name, overrides, options.seeds, folder)
    script: Script = module.script(known)
    rows = carried_out(script, study, known)
    used = study.ran[-1].content["data"]["name"] if study.ran else name
    report = Report(preset=name, data=used, about=module.ABOUT, seeds=options.seeds, rows=rows)
    result.write(report)
    write_tables()
    return report


def write_tables() -> None:
    """What all reports that there are say, for readers and for the page of the pipeline."""
    lines = table.lines(systems(), result.read_all())
    table.write(lines)
    markdown.write(lines)
