"""Stage `report`: leaderboard, comparisons, figures, and the page that shows all of them."""

from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from altair.utils.schemapi import debug_mode

from reelbench import params, paths, tracking
from reelbench.costs import watts_per_core
from reelbench.evaluation import EvaluateConfig, evaluated_runs
from reelbench.evaluation.significance import pairs_frame
from reelbench.files import atomic, write_json
from reelbench.provenance import read_provenance
from reelbench.reporting import page, tables
from reelbench.reporting.charts import sections
from reelbench.reporting.charts.style import javascript
from reelbench.reporting.comparisons import every_pair, rare_items, text_help, verdicts
from reelbench.reporting.content import Content
from reelbench.reporting.dataset import read_dataset, read_train_counts
from reelbench.reporting.lists import read_lists
from reelbench.reporting.repeats import Repeats, read_repeats, read_seed_tables
from reelbench.reporting.results import (
    published,
    read_replications,
    read_result,
    read_skipped,
    twins,
)
from reelbench.reporting.tuning import read_tuning, tuning_costs


def run() -> None:
    """Read the results of the other stages and write `reports/`, while the runs go to MLflow."""
    # outside of it, Altair checks every part of a chart when it is made
    with tracking.mirroring(), debug_mode(False):
        content = _content()
        charts = sections.charts(content)
        _write_folder(paths.FIGURES, {f"{n}.png": png for n, png in sections.pictures(charts)})
        with_epochs = [result for result in content.results if len(result.curves)]
        as_csv = {r.name: r.curves.to_csv(index=False, lineterminator="\n") for r in with_epochs}
        _write_folder(paths.CURVES, {f"{n}.csv": text.encode() for n, text in as_csv.items()})
        write_json(paths.DATA_REPORT, content.dataset.summary())
        frames = {
            paths.LEADERBOARD_CSV: tables.metrics_frame(
                tables.ranked([*content.results, *chain(*content.twins.values())], content.k),
                content.skipped,
                {twin.name: name for name, own in content.twins.items() for twin in own},
            ),
            paths.COMPARISONS_CSV: pairs_frame(content.pairs),
            paths.RARE_ITEMS_CSV: content.rare.frame(),
        }
        for file, frame in frames.items():
            _write(file, tables.to_csv(frame.assign(**content.dataset.identity)))
        # without the hash of a test part: every window and fold has its own
        repeats = content.repeats or Repeats({}, content.k)
        _write(paths.REPEATS_CSV, tables.to_csv(repeats.frame()))
        _write(paths.LEADERBOARD_MD, page.leaderboard(content))
        _write(paths.INDEX_HTML, page.render(content, charts))
        _write(paths.VEGA_JS, javascript())


def _content() -> Content:
    common = params.read()
    config = params.load("evaluate", EvaluateConfig)
    # `inputs` has a key per model, and changes only with the list of models and what they read
    skipped = read_skipped(common["inputs"])
    trained = [model for model in common["inputs"] if model not in skipped]
    tuned = tuning_costs(common.get("models", {}))
    own = [read_result(model, tuned.get(model)) for model in trained + evaluated_runs()]
    same = twins(own)
    results = tables.ranked([r for r in own if r.name not in same], config.k[0])
    name = common["data"]["name"]
    dataset = read_dataset(name)
    seed = common["seed"]
    counts, seeds = read_train_counts(len(dataset.items)), read_seed_tables(trained)
    return Content(
        dataset=dataset,
        split_name=common["split"]["name"],
        results=results,
        verdicts=verdicts(results, config, seed, seeds),
        rare=rare_items(results, counts, config, seed),
        text=text_help(results, counts, config, seed),
        config=config,
        pairs=every_pair(results, config, seed, seeds),
        protocol=common["protocol"],
        published=published(common["protocol"], name),
        tuning=read_tuning(
            (r.name for r in results), common.get("models", {}), common.get("search", {})
        ),
        repeats=read_repeats((r.name for r in results), config.k[0]),
        replications=read_replications(data=name),
        lists=read_lists(dataset, results, config.k[0]),
        provenance=read_provenance(),
        skipped=skipped,
        twins={
            result.name: [twin for twin in own if same.get(twin.name) == result.name]
            for result in results
            if result.name in same.values()
        },
        mispredicted=tables.mispredicted(results),
        watts=watts_per_core(),
    )


def _write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """The whole folder at once, so that no file of an old run stays."""
    with atomic(path) as folder:
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)


def _write(file: Path, text: str) -> None:
    with atomic(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
