"""Every command of README and docs/ is run as it is written there, or ELSEWHERE says who runs it.

The project is a checkout with a tiny data set and three models. Commands run in this process, each
in a copy of that project. `dvc exp run -S …` is what it is made of: the composition, by the code
that DVC uses, and then the stages; which of them DVC runs, test_pipeline.py looks at.
"""

from __future__ import annotations

import csv
import logging
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import IDENTITY, copy_checkout
from documented import ALL, PAGES
from places import ROOT
from tiny import write_tiny
from typer.testing import CliRunner

from reelbench import paths
from reelbench.cli import app
from reelbench.compose import compose
from reelbench.stages import __main__ as stages

pytestmark = pytest.mark.slow

#: command, or how it begins → who runs it: a test, or a line of CI
ELSEWHERE = {
    "make repro": ".ci/run: make repro",
    "python3 -m venv .cornac": ".ci/run: uv pip install -q --python .cornac/bin/python cornac==",
    ".cornac/bin/python": ".ci/run: .cornac/bin/python docs/examples/cornac_ease.py",
    "reelbench import-run cornac_ease": ".ci/run: reelbench import-run cornac_ease",
    "reelbench import-run --remove": "tests/test_imports.py: def test_the_command",
    "reelbench evaluate ials": "tests/serving/test_evaluate_part.py: def test_users_of_a_file",
    "reelbench init": "tests/init/test_init.py: def test_files_of_movielens",
    "reelbench run": "tests/test_run.py: def test_a_stage_that_fails",
    "make quick": 'tests/test_compose.py: [f"models={choice}"]',
    "make params": ".ci/run: make setup spark params",
    "make setup": ".ci/run: make setup spark params",
    "make spark": ".ci/run: make setup spark params",
    "python benchmarks/peers.py": 'tests/test_peers.py: "peers.py"',
    "reelbench spark": 'tests/test_spark_cluster.py: ["spark", "svds"]',
    "make test": ".ci/run: make lint docs test",
    "make docs": ".ci/run: make lint docs test",
    "make ui": 'tests/browser/test_mlflow_ui_browser.py: "ui", "--port"',
    "make serve": "tests/tracking/test_tracking.py: def test_the_champion_answers_over_http",
    "curl": "tests/tracking/test_tracking.py: def test_the_champion_answers_over_http",
    "make app": 'tests/browser/small_app.py: app(["app", "--port"',
    "reelbench app --port 7861": 'tests/browser/small_app.py: app(["app", "--port"',
    "reelbench track": 'tests/tracking/test_tracking_server.py: "reelbench.cli", "track"',
    "dvc exp run -S tracking=server": "tests/tracking/test_tracking_server.py: exp run -S tracking",
    "sudo -u postgres psql": 'tests/tracking/test_tracking_server.py: "sudo -u postgres psql"',
    "dvc exp run -S models.svd.factors=20": "tests/test_pipeline.py: models.svd.factors=20",
    "mlflow server": 'tests/tracking/test_tracking_server.py: ".venv/bin/mlflow server"',
    "sudo apt-get install": ".ci/run: apt-get install",
    "dvc exp run -S tune.models=[svd,dnn]": "tests/test_pipeline.py: tune.models=[bias]",
    "dvc exp run -S seeds=": 'tests/test_pipeline.py: "seeds=2"',
    "dvc exp run -S split=windows": "tests/stages/test_repeat.py: def test_another_window",
    "dvc exp run -S split=kfold": "tests/stages/test_repeat.py: def test_every_rating_is_predicted",
    # trains a network eight times; searchers have tests of their own in tests/tuning
    "reelbench tune svd dnn": "tests/stages/test_tune.py: def test_the_command_writes_the_winner",
    # a published protocol has faults, so the command fails as it should
    "reelbench lint-protocol docs/examples/published.yaml": (
        "tests/replications/test_fault_table.py: def test_the_page_of_faults"
    ),
    # from minutes to hours: the committed results are theirs
    "reelbench replicate": "tests/replications/test_replicate.py: def test_the_command_writes",
    "dvc exp run -S +experiment=": "tests/golden/test_recommenders.py: recommenders_ml100k",
}
#: a command that a sentence speaks of, without what it needs
NAMED = {
    *("reelbench tune", "reelbench similar", "reelbench import-run", "dvc exp run"),
    *("reelbench lint-protocol", "reelbench explain-score", "reelbench gate compare"),
}
#: what stands for a name of the reader's own
CHOSEN = {
    "reelbench data info NAME": "reelbench data info ml-100k",
}
#: commands that need another before them, as the page says beside them
BEFORE = {
    "reelbench gate compare reports/baseline .": ["reelbench gate save"],
}
#: what a command says
SAYS = {
    "make help": "repro +Run every stage",
    "reelbench recommend --user 42": r"User 42, 14 ratings in train \(model: bias\)",
    "reelbench predict --user 42 --title Heat": r"Heat .* for user 42",
    "reelbench explain --user 42 --title Heat": r"Rank \d+ of",
    "reelbench recommend --liked Heat --liked Alien": r"Heat .*Alien .*model:",
    "reelbench similar toy stori": r"Toy Story \(1995\)",
    "reelbench recommend --title toy stori": r"Toy Story \(1995\)",
    "reelbench tune svd --write": r"conf/models/svd\.yaml",
    "reelbench gate save": "reports/baseline: 3 models",
    "reelbench doctor": "ok +stages +all up to date",
    "reelbench gate compare reports/baseline .": "Nothing moved",
    "reelbench gate compare HEAD~1 .": r"\| `svd` \| rmse",
    "reelbench lint-protocol params.yaml": "No fault in what is stated",
    "reelbench explain-score --data ml-100k --rmse 0.787": "Faults that alone give so good a fig",
    "reelbench explain-score --data ml-100k --rmse 0.94": "within reach of an honest model",
    "dvc metrics diff HEAD~1": r"metrics\.json +svd\.rmse",
    "dvc status": "up to date",
    "dvc repro": "Data and pipelines are up to date",
    "dvc repro --force --single-item download": "Running stage 'download'",
    "dvc repro inputs": "Stage 'inputs' didn't change",
    "dvc plots show": r"dvc_plots/index\.html",
    "dvc gc --workspace --force": r"Removed \d+ objects|No unused",
}
#: what stands in its leaderboard then
LEADERBOARD = {
    "dvc exp run -S split=random": "split `random`",
    "dvc exp run -S models=[bias,svd]": r"(?ms)\A(?!.*^\| popularity \|).*^\| svd \|",
    "dvc exp run -S data=csv": r"Data `csv` \(\w{8}\), split `temporal_user`",
}


def words(line: str) -> list[str]:
    found = shlex.split(line, comments=True)
    return [found[0].removeprefix(".venv/bin/"), *found[1:]]


TYPED = {" ".join(words(line)): words(line) for _, line in ALL}
COMMANDS = list(TYPED)


def elsewhere(command: str) -> set[str]:
    return {beginning for beginning in ELSEWHERE if command.startswith(beginning)}


RUN = [command for command in COMMANDS if not elsewhere(command) and command not in NAMED]


def test_the_tables_name_nothing_that_the_pages_have_no_more() -> None:
    assert set().union(*map(elsewhere, COMMANDS)) == ELSEWHERE.keys()
    assert set(COMMANDS) >= NAMED
    assert set(RUN) >= CHOSEN.keys() | BEFORE.keys() | SAYS.keys()
    assert all(any(command.startswith(entry) for command in RUN) for entry in LEADERBOARD)


def test_who_runs_a_command_is_there() -> None:
    for command, where in ELSEWHERE.items():
        file, _, place = where.partition(": ")
        assert place in (ROOT / file).read_text(encoding="utf-8"), command


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after a run that is committed, as `make repro` and `git commit` leave it."""
    folder = tmp_path_factory.mktemp("finished")
    copy_checkout(folder, "tests", "docs", "notebooks", "benchmarks")
    (folder / paths.REPORTS).mkdir()
    shutil.copy(ROOT / paths.REPORTS / "tuning.json", folder / paths.REPORTS)
    write_data(folder)
    choose_models(folder)
    with pytest.MonkeyPatch.context() as patch:
        enter(folder, patch)
        git("init", "--quiet")
        pipeline(["models.svd.factors=5"])
        dvc("commit", "--force", "--quiet")
        run(["reelbench", "gate", "save"])
        commit()
        compose(paths.PARAMS)  # the pages speak of HEAD~1: another svd
        for stage in (("train", "svd"), ("evaluate",), ("report",)):
            stage_done(*stage)
        dvc("commit", "--force", "--quiet")
        commit()
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(finished, folder, symlinks=True)
    enter(folder, monkeypatch)
    return folder


def enter(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.chdir(folder)
    patch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    patch.setenv("DVC_NO_ANALYTICS", "1")
    patch.setenv("COLUMNS", "200")
    # this process keeps its threads: nothing is compared to the last bit here
    patch.setattr("reelbench.seeds.pin_runtime", lambda threads: None)
    patch.setattr(stages, "pin_runtime", lambda threads: None)


#: movies that the pages ask for
NAMES = ("Heat (1995)", "Alien (1979)", "Toy Story (1995)")


def write_data(folder: Path) -> None:
    """Ratings of 42 users and more, the movies that the pages name, and two sets of own files."""
    tiny = folder / "tiny"
    write_tiny(tiny, n_users=45)
    movies = list(csv.reader((tiny / "movies.csv").open(encoding="utf-8")))
    for row, title in zip(movies[1:], NAMES, strict=False):
        row[1] = title
    ratings = list(csv.reader((tiny / "ratings.csv").open(encoding="utf-8")))
    write(tiny / "movies.csv", movies)
    own = folder / "path" / "to" / "your" / "folder"
    ratings = [[user, movie, str(max(1.0, float(r))), time] for user, movie, r, time in ratings[1:]]
    write(own / "ratings.csv", [["user", "movie", "stars", "date"], *ratings])
    write(own / "movies.csv", [["movie", "title", "genres"], *movies[1:]])
    german = folder / "path" / "to" / "folder"
    rows = [[u, i, r.replace(".", ","), day(t)] for u, i, r, t in ratings]
    write(german / "noten.csv", [["Kunde", "Film", "Note", "Datum"], *rows], delimiter=";")
    rows = [[number, f"Für {title}", genres] for number, title, genres in movies[1:]]
    write(german / "filme.csv", [["Film", "Titel", "Genre"], *rows], "cp1252", ";")


def day(seconds: str) -> str:
    """A date and a time as they are written in Germany; the day counts on from minute to minute."""
    number = int(seconds) - 1_000_000_000
    return f"{1 + number // 60_000:02d}.03.2001 {number // 2500 % 24:02d}:{number // 42 % 60:02d}"


def write(file: Path, rows: list[list[str]], encoding: str = "utf-8", delimiter: str = ",") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding=encoding) as stream:
        csv.writer(stream, delimiter=delimiter).writerows(rows)


def choose_models(folder: Path) -> None:
    """Edit conf/ as a user would: what takes seconds, and no MLflow, which has its own tests."""
    config = folder / "conf" / "config.yaml"
    text = config.read_text(encoding="utf-8")
    for key, value in {
        "data": "ml-latest-small",
        "features": "[ids, genres, years, tags, directors]",
        "models": "[popularity, bias, svd]",
        "tracking": "none",
    }.items():
        text, count = re.subn(rf"(?m)^  - {key}: .*", f"  - {key}: {value}", text)
        assert count == 1
    text = text.replace("similarity: text", "similarity: ids")
    # memory is that of all tests before in this process
    text = text.replace("floor: 500000000", "floor: 50000000000")
    config.write_text(f"{text}\ndata:\n  root: tiny\n", encoding="utf-8")


def pipeline(overrides: list[str]) -> None:
    """What `dvc exp run -S …` does where nothing is there yet."""
    content = compose(paths.PARAMS, overrides)
    shutil.rmtree("data", ignore_errors=True)
    for folder in (paths.REPORTS / "replication", paths.SEARCHES, paths.REPEATS, paths.IMPORTED):
        folder.mkdir(parents=True, exist_ok=True)
    named = [("featurize",), ("inputs",)]
    named += [("train", model) for model in content["models"]]
    for stage in [("download",), ("clean",), ("split",), *named, ("evaluate",), ("report",)]:
        stage_done(*stage)


def stage_done(*stage: str) -> None:
    assert stages.main(list(stage)) == 0, stage


def git(*arguments: str) -> None:
    subprocess.run(["git", *IDENTITY, *arguments], check=True)


def commit() -> None:
    git("add", "--all")
    git("commit", "--quiet", "--message", "state")


def dvc(*arguments: str) -> None:
    from dvc.cli import main

    assert main(list(arguments)) == 0, arguments


def run(command: list[str]) -> str:
    """Run a command to its end and without a mistake; what reelbench itself says."""
    program, *arguments = command
    if program == "make":
        return subprocess.check_output(command, text=True, cwd=ROOT)
    if program == "reelbench":
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        return done.output
    if program == "git":
        git(*arguments)
    elif arguments[:2] == ["exp", "run"]:
        pipeline([word for word in arguments[2:] if word != "-S"])
    else:
        assert program == "dvc", f"nobody knows how to run {command}"
        dvc(*arguments)
    return ""


@pytest.mark.parametrize("command", RUN, ids=[command[:60] for command in RUN])
def test_a_command_does_what_the_page_says(
    command: str,
    project: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for earlier in BEFORE.get(command, []):
        run(words(earlier))
    capfd.readouterr()
    caplog.set_level(logging.INFO)
    typed = words(CHOSEN[command]) if command in CHOSEN else TYPED[command]
    said = "".join((run(typed), *capfd.readouterr(), caplog.text))
    assert re.search(SAYS.get(command, ""), said), said[-4000:]
    for pattern in (LEADERBOARD[entry] for entry in LEADERBOARD if command.startswith(entry)):
        assert re.search(pattern, paths.LEADERBOARD_MD.read_text(encoding="utf-8"))


def test_another_place_for_the_runs_trains_and_evaluates_nothing(project: Path) -> None:
    """As docs/tracking.md says; `inputs` looks at all parameters and finds nothing changed."""
    from dvc.repo import Repo

    compose(paths.PARAMS, ["tracking=server"])
    with Repo() as repo:
        assert list(repo.status()) == ["inputs", "report"]


# test_api.py runs the example of the README and of example.md in an empty folder
PYTHON = [
    (page.name, block)
    for page in PAGES
    if page.name not in ("README.md", "example.md")
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S)
]


@pytest.mark.parametrize(("page", "block"), PYTHON, ids=[page for page, _ in PYTHON])
def test_a_block_of_python_runs(page: str, block: str, project: Path) -> None:
    names: dict[str, object] = {}
    exec(block, names)
    assert names["answer"].recommendations and page == "recommend.md"
