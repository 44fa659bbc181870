"""How long the app takes to start and to answer, on the run that is in this folder.

    python benchmarks/app.py [--rounds 5] [--port 7869]

Starts `reelbench app`, asks every kind of question over HTTP while models are still being loaded,
then, once they are, every kind with every model. Prints seconds and milliseconds as a client sees
them, and the load of the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

from reelbench.serving.app import BEST, CONTENT, TEXT
from reelbench.serving.library import Library

Question = tuple[str, str, list[object]]


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=7869)
    args = parser.parse_args()
    library = Library.read()
    started = time.perf_counter()
    command = [sys.executable, "-u", "-m", "reelbench.cli", "app", "--port", str(args.port)]
    app = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        wait_for(app, "The app is at")
        print(f"start: {time.perf_counter() - started:.1f} s, load {os.getloadavg()[0]:.1f}")
        for kind, name, data in kinds(library):
            print(f"while loading: {kind:<30} {milliseconds(args.port, name, data):8.0f} ms")
        wait_for(app, "Models are loaded")
        print(f"loaded: {time.perf_counter() - started:.1f} s, load {os.getloadavg()[0]:.1f}")
        for kind, name, data in [*kinds(library), *of_models(library)]:
            taken = [milliseconds(args.port, name, data) for _ in range(args.rounds)]
            middle, most = statistics.median(taken), max(taken)
            print(f"{kind:<45} first {taken[0]:6.0f}  median {middle:6.0f}  most {most:6.0f} ms")
    finally:
        app.terminate()
        app.wait()


def wait_for(app: subprocess.Popen[str], line: str) -> None:
    """Read the output of the app until a line begins with the given text."""
    assert app.stdout is not None
    if not any(said.startswith(line) for said in app.stdout):
        raise SystemExit("the app has stopped")


def kinds(library: Library) -> Iterator[Question]:
    """One question of every kind, each with the model that answers by default."""
    user, titles = library.users["user_id"].iloc[-1], library.items["title"]
    yield "user", "movies", [user, 10, BEST, 0.5]
    yield "title", "movies", [titles.iloc[0], 10, BEST, 0.5]
    yield "title, text embedding", "movies", [titles.iloc[0], 10, TEXT, 0.5]
    yield "typing error", "movies", [f"{titles.iloc[0]}x", 10, CONTENT, 0.5]
    yield "nonsense", "movies", ["qqxzzy", 10, BEST, 0.5]
    yield "liked", "liked", ["\n".join(titles.iloc[:3]), 10, BEST]
    yield "profile", "profile", ["24", "M", "student", "10003", 10, BEST]


def of_models(library: Library) -> Iterator[Question]:
    """Every trained model, by user, by title and by liked titles."""
    user, title = library.users["user_id"].iloc[0], library.items["title"].iloc[-1]
    for model in library.models.best_first:
        yield f"user, {model}", "movies", [user, 10, model, 0.5]
        yield f"title, {model}", "movies", [title, 10, model, 0.5]
        yield f"liked, {model}", "liked", [title, 10, model]


def milliseconds(port: int, name: str, data: list[object]) -> float:
    """Of one answer, from the request to its last byte."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/gradio_api/run/{name}",
        json.dumps({"data": data}).encode(),
        {"Content-Type": "application/json"},
    )
    start = time.perf_counter()
    with urllib.request.urlopen(request) as answer:
        (page,) = json.load(answer)["data"]
    taken = 1000 * (time.perf_counter() - start)
    assert "rb-answer" in page and "could not be answered" not in page, page
    return taken


if __name__ == "__main__":
    main()
