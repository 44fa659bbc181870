"""How the app behaves on the run that is in this folder, as clients see it.

    python benchmarks/app.py [--rounds 5] [--clients 20] [--seconds 15] [--port 7869]

Starts `reelbench app`, asks every kind of question over HTTP while models are still being loaded
and again once they are, then lets clients ask at once, each its next question when the last one is
answered. Prints seconds, milliseconds, errors, memory, processor time of the app and of the clients
(who share the cores with it), and the load of the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import numpy as np
import psutil

from reelbench.serving.library import Library

Body = dict[str, Any]


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--crowds", type=int, default=3, help="how often clients ask at once")
    parser.add_argument("--port", type=int, default=7869)
    args = parser.parse_args()
    library = Library.read()
    started = time.perf_counter()
    command = [sys.executable, "-u", "-m", "reelbench.cli", "app", "--port", str(args.port)]
    app = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    process = psutil.Process(app.pid)
    memory = process.memory_info
    try:
        wait_for(app, "The app is at")
        print(f"start: {time.perf_counter() - started:.1f} s, load {os.getloadavg()[0]:.1f}")
        for kind, body in kinds(library).items():
            print(f"while loading: {kind:<16} {asked(args.port, body)[1]:7.0f} ms")
        wait_for(app, "Models are loaded")
        print(f"loaded: {time.perf_counter() - started:.1f} s, {memory().rss / 1e6:.0f} MB")
        for kind, body in kinds(library).items():
            taken = [asked(args.port, body)[1] for _ in range(args.rounds)]
            print(f"{kind:<16} median {statistics.median(taken):6.0f}  most {max(taken):6.0f} ms")
        for number in range(args.crowds):
            crowd(args.port, library, args.clients, args.seconds, process, seed=number)
        print(f"memory after that: {memory().rss / 1e6:.0f} MB, load {os.getloadavg()[0]:.1f}")
    finally:
        app.terminate()
        app.wait()


def wait_for(app: subprocess.Popen[str], line: str) -> None:
    """Read the output of the app until a line begins with the given text."""
    assert app.stdout is not None
    if not any(said.startswith(line) for said in app.stdout):
        raise SystemExit("the app has stopped")


def kinds(library: Library) -> dict[str, Body | str]:
    """One question of every kind; a text is one for titles."""
    ids, users = library.items["item_id"], library.users["user_id"]
    rated = {"ratings": {ids.iloc[n]: library.ids.rating_max for n in (0, 5, 9)}}
    found: dict[str, Body | str] = {
        "popular": {},
        "known user": {"you": {"user": users.iloc[-1]}},
        "three stars": {"you": rated},
        "sliders": {"you": rated, "popular": 0.5, "diversity": 0.5, "more": [ids.iloc[7]]},
        "two people": {"way": "two", "you": {"user": users.iloc[0]}, "guest": rated},
        "similar": {"way": "similar", "item": ids.iloc[0]},
        "content": {"way": "similar", "item": ids.iloc[0], "by": "content"},
        "why not": {"you": rated, "why": ids.iloc[20]},
        "titles": str(library.items["title"].iloc[0])[:5],
        "typing error": f"{str(library.items['title'].iloc[0])[:6]}x",
        "10,000 letters": "x" * 10_000,
    }
    if len(library.content.text.T):
        found["description"] = {"way": "text", "text": "slow space film, no war"}
    return found


def asked(port: int, body: Body | str) -> tuple[int, float]:
    """Status, and milliseconds from the request to the last byte of the answer."""
    start = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    if isinstance(body, str):
        connection.request("GET", f"/api/titles?q={body.replace(' ', '+')}")
    else:
        connection.request("POST", "/api/answer", json.dumps(body))
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, 1000 * (time.perf_counter() - start)


def crowd(
    port: int, library: Library, clients: int, seconds: float, app: psutil.Process, seed: int
) -> None:
    """Clients that rate, look at users, search and ask for similar movies, all at once."""
    end = time.perf_counter() + seconds
    before = processor_seconds(app), time.process_time()
    ids, users = library.items["item_id"].tolist(), library.users["user_id"].tolist()

    def one(number: int) -> list[tuple[int, float]]:
        draw, found, ratings = random.Random(f"{seed} {number}"), [], {}
        while time.perf_counter() < end:
            ratings[draw.choice(ids)] = library.ids.rating_max
            bodies: list[Body | str] = [
                {"you": {"ratings": dict(ratings)}},
                {"you": {"user": draw.choice(users)}},
                {"way": "similar", "item": draw.choice(ids)},
                {"way": "two", "you": {"user": draw.choice(users)}, "guest": {"ratings": ratings}},
                draw.choice(["toy", "stra wars", "x" * 10_000, "<b>", "the g"]),
            ]
            found.append(asked(port, draw.choice(bodies)))
        return found

    with ThreadPoolExecutor(clients) as pool:
        answers = [answer for own in pool.map(one, range(clients)) for answer in own]
    taken = np.array([milliseconds for _, milliseconds in answers])
    errors = sum(status != 200 for status, _ in answers)
    spent = processor_seconds(app) - before[0], time.process_time() - before[1]
    by_app, by_clients = (1000 * one / len(answers) for one in spent)
    print(
        f"{clients} clients for {seconds:g} s: {len(answers)} answers, {errors} errors, "
        f"median {np.median(taken):.0f} ms, p95 {np.quantile(taken, 0.95):.0f} ms, "
        f"most {taken.max():.0f} ms; of the processor {by_app:.1f} ms per answer by the app and "
        f"{by_clients:.1f} ms by the clients; load {os.getloadavg()[0]:.1f}"
    )


def processor_seconds(app: psutil.Process) -> float:
    """That the app has taken so far, of all its threads."""
    times = app.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
