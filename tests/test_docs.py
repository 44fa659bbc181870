"""What README and docs/ tell to type exists: commands parse, overrides compose, targets are there.

test_docs_run.py runs them, or says who does.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
import typer
from documented import ALL
from places import ROOT

from reelbench.cli import app
from reelbench.compose import compose

#: programs of others, which the page that names them shows in use
OTHERS = ("curl", "sudo", "mlflow", "python3", ".cornac/bin/python")


def test_there_are_commands() -> None:
    assert len(ALL) > 30 and {name for name, _ in ALL} >= {"README.md", "tracking.md", "data.md"}


def test_every_page_ends_with_what_to_read_next() -> None:
    for page in sorted((ROOT / "docs").glob("*.md")):
        last = page.read_text(encoding="utf-8").rstrip().splitlines()[-1]
        found = re.search(r"Next: \[[^]]+\]\(([\w-]+\.md)\)", last)
        assert found and (ROOT / "docs" / found[1]).is_file(), page.name


@pytest.mark.slow
def test_every_command_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    faults = []
    for page, line in ALL:
        try:
            check(line, tmp_path)
        except Exception as error:
            faults.append(f"{page}: {line}: {error}")
    assert not faults, "\n".join(faults)


def check(line: str, folder: Path) -> None:
    """The program is known, and its command and options exist."""
    words = shlex.split(line, comments=True)
    program, arguments = words[0].removeprefix(".venv/bin/"), words[1:]
    if program == "make":
        subprocess.run(["make", "--dry-run", *arguments], check=True, capture_output=True)
    elif program == "reelbench":
        parsed(arguments, folder)
    elif program == "dvc":
        experiment(arguments, folder)
    elif program == "python" and arguments[0].startswith("benchmarks/"):
        assert (ROOT / arguments[0]).is_file()
    else:
        assert program in OTHERS, f"unknown program {program}"


def parsed(arguments: list[str], folder: Path) -> None:
    """The command and its options exist; names of models and the like may be made up."""
    command: click.Command = typer.main.get_command(app)
    context = click.Context(command, info_name="reelbench")
    while isinstance(command, click.Group):
        name, command, arguments = command.resolve_command(context, arguments)
        assert command is not None, name
        context = click.Context(command, info_name=name, parent=context)
    command.make_context(command.name, arguments, parent=context.parent)
    if command.name == "params":
        compose(folder / "params.yaml", arguments)


def experiment(arguments: list[str], folder: Path) -> None:
    """`dvc exp run -S …` composes; other commands of DVC are its own."""
    if arguments[:2] == ["exp", "run"]:
        given = arguments[2:]
        overrides = [given[n + 1] for n, word in enumerate(given) if word == "-S"]
        compose(folder / "params.yaml", overrides)
    else:
        assert arguments[0] in ("repro", "exp", "metrics", "plots", "checkout", "status", "gc")
