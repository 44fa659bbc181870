"""The command line: `reelbench`."""

import logging
import sys
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from reelbench import environment, faults, params, paths
from reelbench.files import read_json_if_any
from reelbench.serving import cli as serving
from reelbench.serving.cli import Json, print_json

_HELP = """Which recommender should you use, and what does it cost? With evidence.

\b
Typical steps, in the folder of the project:
  make repro                           run the pipeline up to the leaderboard
  reelbench run NAME --quick           the same for another data set, with a few models
  make ui                              compare the runs in MLflow
  reelbench recommend --user 42        movies for a user
  reelbench recommend --liked "Heat"   movies for a new user
  reelbench similar "toy story"        movies similar to a movie
  reelbench explain --user 42 --title Heat   why a movie is on the list, or is not
  make app                             the same in the browser
  reelbench tune svd                   search a model's parameters
  reelbench data list                  list data sets
  reelbench init ratings.csv           describe your own files in conf/data/
\b
Help on a command: reelbench COMMAND --help
"""

_PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}
errors = Console(stderr=True, **_PLAIN)


class Commands(TyperGroup):
    """All commands: an error in the user's input is one sentence, with exit code 2."""

    def main(self, *args: Any, **options: Any) -> Any:
        environment.print_always()
        return super().main(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if (told := params.told(error)) is None:
                raise
            errors.print(f"{ctx.invoked_subcommand}: {told}")
            raise typer.Exit(2) from error


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=_HELP,
)
gate = typer.Typer(no_args_is_help=True, help="Compare results with a baseline.")
app.add_typer(gate, name="gate")
data_app = typer.Typer(no_args_is_help=True, help="List and describe data sets.")
app.add_typer(data_app, name="data")
for _command in (serving.recommend, serving.similar, serving.predict, serving.explain):
    app.command()(_command)
app.command("app")(serving.open_app)
app.command("mcp")(serving.open_mcp)
console = Console(**_PLAIN)

_PORT = typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")
_NAME = "Name of a data set: a file of conf/data/, which `reelbench init` writes."
_NEXT = "Next: `reelbench app` recommends movies in the browser, `reelbench ui` compares the runs"
_Overrides = Annotated[
    list[str] | None, typer.Argument(help="Hydra overrides, such as models.svd.factors=64.")
]
_Quick = Annotated[bool, typer.Option("--quick", help="A few strong and cheap models only.")]
# options whose names are data: fields of a protocol, metrics
_FREE = {"allow_extra_args": True, "ignore_unknown_options": True}
_Models = Annotated[list[str], typer.Argument(help="Names of models, such as svd.")]
_Write = Annotated[bool, typer.Option("--write", help="Write the best parameters to conf/models/.")]
_Force = Annotated[bool, typer.Option("--force", "-f", help="Repeat a search that is finished.")]


@app.callback()
def main() -> None:
    """Set up what all commands share."""
    # compiled modules are kept, whatever the environment says: a start takes a third of the time
    sys.dont_write_bytecode = False


@app.command("init")
def init_data(
    files: Annotated[
        list[Path], typer.Argument(help="Ratings and, if you have them, movies, users and tags.")
    ],
    name: Annotated[str | None, typer.Option(help="Name of the data set.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take the best guess.")] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="What you know, such as rating=stars or ratings.delimiter=;"),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite any file of conf/data/.")
    ] = False,
) -> None:
    """Understand files of your own and write conf/data/NAME.yaml, which reads them."""
    from reelbench import init

    target = init.target(files, name, force)
    init.Init(files, target, init.settings_of(settings or []), yes, console).run()
    console.print(f"Next: reelbench run {target.stem}")


@app.command("params")
def compose_params(
    overrides: _Overrides = None,
) -> None:
    """Compose params.yaml from conf/ and check every section."""
    from reelbench.compose import compose

    content = compose(overrides=overrides)
    console.print(
        f"params.yaml: {content['data']['name']}, split {content['split']['name']}, "
        f"{len(content['models'])} models"
    )


@app.command()
def run(
    name: Annotated[str | None, typer.Argument(help=_NAME)] = None,
    overrides: _Overrides = None,
    quick: _Quick = False,
    json: Json = False,
) -> None:
    """Run the pipeline on a data set: verdict, leaderboard and page.

    Without a name, on the data set that conf/config.yaml names.
    """
    from reelbench import run as whole

    changed = list(overrides or [])
    if name and "=" in name:
        changed, name = [name, *changed], None
    why = whole.run(name, quick, changed)
    found, board = whole.verdict()
    page = f"{paths.INDEX_HTML.resolve()}"
    if json:
        return print_json({"split": why, "verdict": found, "page": page, "leaderboard": board})
    console.print(whole.table(board), soft_wrap=False)
    console.print("\n".join(filter(None, [why, found, f"Page: {page}", _NEXT])))


@app.command()
def plan(
    name: Annotated[str | None, typer.Argument(help=_NAME)] = None,
    overrides: _Overrides = None,
    quick: _Quick = False,
    ratings: Annotated[int | None, typer.Option(min=1, help="Number of ratings.")] = None,
    users: Annotated[int | None, typer.Option(min=1, help="Number of users.")] = None,
    items: Annotated[int | None, typer.Option(min=1, help="Number of movies.")] = None,
    json: Json = False,
) -> None:
    """Predict seconds, memory and disk of every stage, without running any.

    Without a name, the plan is for params.yaml; with one, for what `run` would do. Sizes are those
    of data/split or, before there is one, of the data set; with --ratings, --users and --items the
    plan is for data of that size.
    """
    from reelbench.costs import plan as costs
    from reelbench.run import choices, composed

    content = composed(choices(name, quick, overrides or [])) if name else params.read()
    found = costs.current(content, ratings, users, items)
    if json:
        return print_json(found.as_dict())
    console.print(costs.table(found), soft_wrap=False)


@app.command()
def doctor(json: Json = False) -> None:
    """Say what this checkout lacks and how to mend it; exit code 1 if the pipeline cannot run."""
    from rich.table import Table

    from reelbench.doctor import look

    findings = look()
    if json:
        print_json([vars(finding) for finding in findings])
    else:
        table = Table("", "part", "found", "what to do", box=None, pad_edge=False)
        for one in findings:
            style = {"missing": "red", "note": "yellow"}.get(one.state)
            table.add_row(one.state, one.part, one.found, one.remedy, style=style)
        console.print(table, soft_wrap=False)
    raise typer.Exit(any(finding.state == "missing" for finding in findings))


@data_app.command("list")
def list_data(json: Json = False) -> None:
    """List data sets."""
    from reelbench.data.fetch import data_sets

    if json:
        return print_json([{"name": data.name, "about": data.about} for data in data_sets()])
    for data in data_sets():
        console.print(f"{data.name:<16} {data.about}")


@data_app.command()
def info(
    name: Annotated[str, typer.Argument(help="Name of a data set, such as ml-100k.")],
    json: Json = False,
) -> None:
    """Describe a data set: content, sources and licence."""
    from reelbench.data.fetch import data_set, sources

    data = data_set(name)
    tried, licence = sources(data), data.source.licence.strip()
    if json:
        facts = {"name": data.name, "about": data.about, "sources": tried, "licence": licence}
        return print_json(facts)
    lines = [f"{data.name}: {data.about}", "", "Sources, in the order in which they are tried:"]
    lines += [f"  {number}. {text}" for number, text in enumerate(tried, start=1)]
    lines += ["  (data.root, if set, is tried first)", ""]
    lines += [licence, "", f"To use it: dvc exp run -S data={data.name}"]
    console.print("\n".join(lines))


@app.command()
def track(json: Json = False) -> None:
    """Copy the results of the last pipeline run to MLflow."""
    from reelbench.tracking import mirror_all, mirror_tunings

    params.read()  # a mistake there is no fault of MLflow's
    mirrored, tunings = mirror_all(), mirror_tunings()
    if json:
        return print_json({"models": sorted(mirrored), "searches": sorted(tunings)})
    searches = f" and {len(tunings)} parameter searches" if tunings else ""
    console.print(f"MLflow has {len(mirrored)} models{searches}")


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="Name of a trained model, such as ials.")],
    users: Annotated[
        Path | None, typer.Option(help="File with ids of users, one a line: only these.")
    ] = None,
    cohort: Annotated[
        str | None, typer.Option(help="Cohort of users or movies, such as 'cold items' or Drama.")
    ] = None,
    json: Json = False,
) -> None:
    """Evaluate a model of the last run on some of the test users, without training it again."""
    from reelbench.evaluation.metrics import find
    from reelbench.seeds import pin_runtime
    from reelbench.stages import subset

    pin_runtime(params.read()["threads"])
    found = subset.run(model, users, cohort)
    if json:
        return print_json(found)
    text = "{model} on {part}: {n_test:,} test ratings of {n_test_users:,} of {n_all_users:,} users"
    console.print(text.format(**found))
    for metric, numbers in ((find(key), row.values()) for key, row in found["metrics"].items()):
        value, *bounds = (f"{number:.{metric.digits}f}" for number in numbers)
        shown = f"{value:>9}" + f"  [{', '.join(bounds)}]" * bool(bounds)
        console.print(f"{metric.title:<36} {shown}")


@app.command("import-run")
def import_run(
    name: Annotated[str, typer.Argument(help="Name of the row on the leaderboard.")],
    file: Annotated[
        Path | None,
        typer.Argument(help="Rankings or predicted ratings: CSV, TSV, Parquet or a TREC run."),
    ] = None,
    ratings: Annotated[
        Path | None, typer.Option(help="Predicted ratings, if they have a file of their own.")
    ] = None,
    cost: Annotated[
        list[str] | None, typer.Option(help="What it cost, such as train_seconds=12.5.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the run instead.")] = False,
    evaluate: Annotated[
        bool, typer.Option(help="Evaluate and report; else `dvc repro` does it later.")
    ] = True,
    json: Json = False,
) -> None:
    """Evaluate what another library predicts for the test part, beside our models."""
    from reelbench import imports
    from reelbench.run import repro, table, verdict

    if (file is None) != remove:
        raise params.ParamsError("give a file of predictions, or --remove")
    if file is None:
        lines = []
        imports.remove_run(name)
    else:
        lines = imports.import_run(name, file, ratings, cost or [])
    for line in lines:
        (errors if json else console).print(line)
    if evaluate:
        repro("--single-item", "evaluate", "report")
    if json:
        return print_json({"read": lines, "metrics": read_json_if_any(paths.METRICS).get(name, {})})
    if evaluate:
        console.print(table(verdict()[1]))


@app.command("export-split")
def export_split(
    folder: Annotated[Path, typer.Argument(help="Folder for train.csv, valid.csv and test.csv.")],
    json: Json = False,
) -> None:
    """Write the parts of the split as CSV, for training with another library."""
    from reelbench import imports

    files = [f"{file}" for file in imports.export_split(folder)]
    if json:
        return print_json({"files": files})
    console.print("\n".join(files))


@app.command()
def spark(
    models: Annotated[list[str], typer.Argument(help="Names of trained models, such as svds.")],
    master: Annotated[
        str | None, typer.Option(help="local[N], spark://host:port or sc://host:port.")
    ] = None,
    json: Json = False,
) -> None:
    """Compute ranking metrics of models that have factors on Spark (docs/scale.md)."""
    from reelbench.evaluation.distributed import evaluate_on_spark

    _refuse_other_data()
    if json:
        return print_json({model: evaluate_on_spark(model, master) for model in models})
    for model in models:
        means = evaluate_on_spark(model, master)
        shown = "  ".join(f"{key} {mean:.4f}" for key, mean in means.items() if mean is not None)
        console.print(f"{model}: {shown}")


@app.command()
def ui(port: Annotated[int, _PORT] = 5000) -> None:
    """Copy the last results to MLflow and open its UI."""
    from reelbench.tracking.ui import serve

    raise typer.Exit(serve(port))


@app.command()
def serve(port: Annotated[int, _PORT] = 5001) -> None:
    """Serve the champion, the best registered model, over HTTP."""
    from reelbench.tracking.ui import answer

    raise typer.Exit(answer(port))


@app.command()
def tune(models: _Models, write: _Write = False, force: _Force = False, json: Json = False) -> None:
    """Search parameters of models on the valid part, with the same budget for each."""
    from reelbench.compose import compose
    from reelbench.seeds import pin_runtime, seed_everything
    from reelbench.stages import tune as stage
    from reelbench.tuning import record

    _refuse_other_data()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    common, found = params.read(), dict[str, dict[str, Any]]()
    pin_runtime(common["threads"])
    for model in models:
        seed_everything(common["seed"])  # as at the start of a stage
        found[model] = stage.run(model, force=force)
        record.publish(found[model])
        typer.echo(record.summary(found[model]), err=json)
    for line in record.write_to_conf(found.values(), compose) if write else []:
        typer.echo(line, err=json)
    if json:
        print_json(found)


@app.command("lint-protocol", context_settings=_FREE, options_metavar="[FILE] [--FIELD VALUE]...")
def lint_protocol(context: typer.Context, json: Json = False) -> None:
    """Name the faults of a protocol, and what each was worth in our measurements.

    FILE is YAML with fields that describe the protocol (docs/faults.md), or a params.yaml. Fields
    can be given as options too, such as --split random. Exit code 1 if there is a fault.
    """
    from reelbench import claims
    from reelbench.files import filled

    stated = claims.described(*_free(context))
    found = claims.findings(stated)
    missing = [field for field in claims.FIELDS if field not in stated]
    if json:
        print_json({"stated": stated, "not_stated": missing, "faults": found})
    else:
        typer.echo(filled(claims.FOLDER / "protocol.jinja", found=found, missing=missing), nl=False)
    raise typer.Exit(1 if found else 0)


@app.command("explain-score", context_settings=_FREE, options_metavar="--data NAME --METRIC VALUE")
def explain_score(
    context: typer.Context,
    data: Annotated[str, typer.Option(help="Data set of the score, such as ml-100k.")],
    json: Json = False,
) -> None:
    """Say whether an honest model reaches a score, such as --rmse 0.787, and which faults do."""
    from reelbench import claims
    from reelbench.files import filled

    others, scores = _free(context)
    if others or len(scores) != 1:
        raise params.ParamsError("give one score by its metric, such as --rmse 0.787")
    found = claims.explain(data, *next(iter(scores.items())))
    if json:
        return print_json(found)
    typer.echo(filled(claims.FOLDER / "score.jinja", **found, within=claims.CLOSE), nl=False)


def _free(context: typer.Context) -> tuple[list[str], dict[str, str]]:
    """Words of the command line that are no options, and values of options by name."""
    words = ["", *(part for word in context.args for part in word.split("=", 1)), ""]
    pairs = list(pairwise(words))
    options = {a[2:].replace("-", "_"): b for a, b in pairs if a.startswith("--")}
    others = [b for a, b in pairs if b and not a.startswith("--") and not b.startswith("--")]
    return others, options


@app.command(add_help_option=False, context_settings=_FREE)
def replicate(context: typer.Context) -> None:
    """Re-run the five published systems of replications/; needs a checkout."""
    import runpy

    if not Path("replications/__main__.py").is_file():
        errors.print("replicate: no replications/ folder here; run it in a checkout of reelbench")
        raise typer.Exit(2)
    sys.path.insert(0, str(Path.cwd()))  # as `python -m replications` finds it
    sys.argv = ["reelbench replicate", *context.args]
    runpy.run_module("replications", run_name="__main__")


def _refuse_other_data() -> None:
    from reelbench.data.identity import mismatch

    if reason := mismatch():
        raise params.ParamsError(reason)


@gate.command("compare")
def gate_compare(
    base: Annotated[
        str, typer.Argument(help="Baseline: a folder or git revision, such as HEAD~1.")
    ],
    new: Annotated[str, typer.Argument(help="New results: a folder or git revision.")] = ".",
    json: Json = False,
) -> None:
    """Print what changed, as Markdown; exit code 1 if a gated metric is significantly worse."""
    from reelbench.gate import GateConfig, check_comparable, compare, read, render

    before, after = read(base), read(new)
    check_comparable(before, after)  # whatever the parameters are
    config = params.load("gate", GateConfig)
    rows = compare(before, after, config, params.select(params.read(), "seed"))
    stopped = any(row.failure for row in rows)
    if json:
        print_json({"passed": not stopped, "moved": [row.as_dict() for row in rows]})
    else:
        typer.echo(render(rows, base, new))
    raise typer.Exit(stopped)


@gate.command("save")
def gate_save(json: Json = False) -> None:
    """Save the results of the last run as the baseline, to be committed."""
    from reelbench.evaluation import evaluated_runs
    from reelbench.gate import GateConfig, GateError, save

    config = params.load("gate", GateConfig)
    if names := faults.named(params.read()):
        raise GateError(f"no baseline of a protocol with faults ({names})")
    chosen = params.select(params.read(), "inputs")
    models = [model for model in chosen if not paths.skipped(model).is_file()] + evaluated_runs()
    save(models, config.tolerances, paths.BASELINE, paths.PUBLISHED)
    if json:
        return print_json({"baseline": f"{paths.BASELINE}", "models": models})
    console.print(f"{paths.BASELINE}: {len(models)} models")


if __name__ == "__main__":
    app()
