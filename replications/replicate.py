"""`reelbench replicate NAME`: all rows of one published system, and the page of all of them."""

from __future__ import annotations

import importlib

from reelbench import paths
from reelbench.params import ParamsError
from replications import markdown, result, table
from replications.options import Options
from replications.parts import Script, carried_out
from replications.result import Report
from replications.rows import System, system, systems
from replications.study import Study

WORK = paths.DATA / "replication"


def replicate(name: str, options: Options) -> Report:
    """Run every row of a system; write `reports/replication/NAME.json` and the page.

    The module of the preset's name has `script(system)`, `ABOUT`, and `prepare(options, folder)`
    where it makes data of its own.

    Raises:
        ParamsError: no such replication or row, an option that cannot be used, or no checkout here.
    """
    known = system(name)
    for row in options.rows:
        known.row(row)
    if not paths.CONF.is_dir():
        raise ParamsError(f"there is no {paths.CONF}/ here: change to the folder of the project")
    module = importlib.import_module(f"replications.{name}")
    folder = WORK / name
    folder.mkdir(parents=True, exist_ok=True)
    prepare = getattr(module, "prepare", None)
    overrides = options.overrides() if prepare is None else prepare(options, folder)
    study = Study(name, overrides, options.seeds, folder)
    script: Script = module.script(known)
    rows = carried_out(script, study, known, options.rows)
    used = study.ran[-1].content["data"]["name"] if study.ran else name
    report = Report(preset=name, data=used, about=module.ABOUT, seeds=options.seeds, rows=rows)
    result.write(_beside_others(report, known) if options.rows else report)
    write_tables()
    return report


def _beside_others(report: Report, system: System) -> Report:
    """The rows of a report, and all others as they were."""
    others = result.read_all().get(report.preset)
    if others is None:
        return report
    found = {**others.rows, **report.rows}
    ordered = {row.id: found[row.id] for row in system.rows if row.id in found}
    return report.model_copy(update={"rows": ordered})


def write_tables() -> None:
    """What all reports that there are say, for readers and for the page of the pipeline."""
    lines = table.lines(systems(), result.read_all())
    table.write(lines)
    markdown.write(lines)
