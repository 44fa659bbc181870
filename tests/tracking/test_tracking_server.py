"""The override `tracking=server`, with a server that keeps its runs in PostgreSQL.

The database and the server are started here, by the commands of docs/tracking.md; only ports and
the folder of programs differ.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from places import ROOT
from tracked_project import EXPERIMENT, METRICS, write_project

from reelbench import paths
from reelbench.compose import compose
from reelbench.files import read_json, write_json
from reelbench.tracking import ui
from reelbench.tracking.record import MODEL, STATE_HASH
from reelbench.tracking.store import PARENT

pytestmark = pytest.mark.slow
PAGE = (ROOT / "docs" / "tracking.md").read_text(encoding="utf-8").replace("\\\n", " ")
PROGRAMS = Path(sys.executable).parent
REGISTERED = "toy.temporal_user"


@dataclass
class Database:
    """PostgreSQL on a port of its own."""

    programs: Path
    port: int

    def query(self, *arguments: str) -> str:
        address = ["--host=127.0.0.1", f"--port={self.port}", "--username=postgres", "--no-psqlrc"]
        program = str(self.programs / "psql")
        return subprocess.check_output([program, *address, *arguments], text=True)


def documented(beginning: str) -> list[str]:
    """The words of the command on the page that begins so."""
    (line,) = re.findall(rf"(?m)^{re.escape(beginning)}.*$", PAGE)
    return shlex.split(line)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def programs_of_postgresql() -> Path | None:
    """Folder of its newest version; Debian puts none of initdb and pg_ctl on the PATH."""
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(debian, key=lambda file: float(file.parts[-3]))
    found = str(newest[-1]) if newest else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def unprivileged() -> dict[str, Any]:
    """Whom PostgreSQL runs as, since it refuses to be root."""
    if os.geteuid():
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    programs = programs_of_postgresql()
    if programs is None:
        pytest.skip("PostgreSQL is not installed here (`apt-get install postgresql`)")
    # not below tmp_path, into which no other user may look
    with tempfile.TemporaryDirectory(prefix="reelbench-postgresql-") as folder:
        whom = unprivileged()
        if whom:
            os.chown(folder, whom["user"], whom["group"])
        cluster, port = Path(folder) / "cluster", free_port()
        control = [str(programs / "pg_ctl"), f"--pgdata={cluster}", "--wait"]
        make = [str(programs / "initdb"), f"--pgdata={cluster}", "--username=postgres"]
        run: dict[str, Any] = {"check": True, "cwd": folder, "stdout": subprocess.DEVNULL} | whom
        subprocess.run([*make, "--auth=trust", "--no-sync"], **run)
        # no socket: its path would be too long for some temporary folders
        options = f"-p {port} -h 127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        log = f"--log={folder}/log"
        subprocess.run([*control, log, f"--options={options}", "start"], **run)
        try:
            made = Database(programs, port)
            made.query(*documented("sudo -u postgres psql")[4:])
            yield made
        finally:
            subprocess.run([*control, "--mode=immediate", "stop"], **run)


@dataclass
class Server:
    """MLflow on a port of its own."""

    uri: str
    process: subprocess.Popen[bytes]
    folder: Path

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture(scope="module")
def server(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    told = documented(".venv/bin/mlflow server")
    address = told[told.index("--backend-store-uri") + 1]
    told[told.index(address)] = address.replace("@127.0.0.1/", f"@127.0.0.1:{database.port}/")
    told[told.index("--port") + 1] = str(port)
    command = [str(PROGRAMS / "mlflow"), *told[1:], "--workers", "1"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=ui.environment(),
            start_new_session=True,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    started = Server(f"http://127.0.0.1:{port}", process, folder)
    try:
        wait_for(started)
        yield started
    finally:
        started.stop()


def wait_for(server: Server) -> None:
    end = time.monotonic() + 180
    while True:
        log = (server.folder / "log").read_text(errors="replace")
        assert server.process.poll() is None and time.monotonic() < end, log[-4000:]
        try:
            with urllib.request.urlopen(f"{server.uri}/health", timeout=5):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.25)


@pytest.fixture(scope="module")
def project(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Files of a pipeline run, whose section `tracking` is what the override makes of conf/."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        overrides = [
            word for word in documented(".venv/bin/dvc exp run -S tracking=server") if "=" in word
        ]
        assert overrides[0] == "tracking=server" and len(overrides) == 2
        uri = overrides[1].replace("http://127.0.0.1:5000", server.uri)
        patch.chdir(ROOT)
        section = compose(folder / "composed.yaml", [overrides[0], uri])["tracking"]
        assert (section["name"], section["uri"]) == ("server", server.uri)
        patch.chdir(folder)
        # a busy machine is not what is tested
        write_project(("bias", "biased"), **section | {"timeout": 100})
        write_json(paths.metrics("biased"), METRICS | {"ndcg_at_10": 0.2})
        yield folder


def track(project: Path) -> subprocess.CompletedProcess[str]:
    """`reelbench track`, as a user types it."""
    return subprocess.run(
        [sys.executable, "-m", "reelbench.cli", "track"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def client(project: Path, server: Server) -> Iterator[Any]:
    """A client of the server, after the project was mirrored there."""
    done = track(project)
    assert done.returncode == 0 and "MLflow lacks" not in done.stderr, done.stderr
    assert "MLflow has 2 models" in done.stdout
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    import mlflow

    module: Any = mlflow  # whose types do not know that None takes an address back
    module.set_tracking_uri(server.uri)
    yield module.MlflowClient()
    module.set_tracking_uri(None)


def runs(client: Any) -> dict[str, Any]:
    """By name of the model; "" is the parent."""
    (experiment,) = [e for e in client.search_experiments() if e.name == EXPERIMENT]
    found = client.search_runs([experiment.experiment_id])
    assert all(MODEL in run.data.tags or STATE_HASH in run.data.tags for run in found)
    return {run.data.tags.get(MODEL, ""): run for run in found}


def test_the_server_has_the_parent_the_models_and_their_metrics(client: Any) -> None:
    found = runs(client)
    assert set(found) == {"", "bias", "biased"}
    parent = found[""].info.run_id
    assert {run.data.tags.get(PARENT) for name, run in found.items() if name} == {parent}
    assert found["biased"].data.metrics["test/ndcg_at_10"] == 0.2
    assert found["bias"].data.metrics["test/rmse"] == 0.9
    losses = client.get_metric_history(found["bias"].info.run_id, "curve/train_loss")
    assert [(point.step, point.value) for point in losses] == [(1, 1.0), (2, 0.8)]


def test_the_runs_are_in_the_database(client: Any, database: Database, project: Path) -> None:
    count = ["--dbname=mlflow", "--tuples-only", "--command=select count(*) from runs"]
    assert int(database.query(*count)) == 3
    assert not list(project.glob("mlflow.db*")) and not (project / "mlruns").exists()


def test_an_artifact_comes_back_from_the_folder(
    client: Any, server: Server, tmp_path: Path
) -> None:
    run = runs(client)["bias"].info
    assert run.artifact_uri.startswith("mlflow-artifacts:/")
    file = client.download_artifacts(run.run_id, "figures/metrics.json", str(tmp_path))
    assert read_json(Path(file)) == METRICS
    kept = list((server.folder / "mlartifacts").rglob(f"{run.run_id}/artifacts/figures/*.png"))
    assert len(kept) == 3


def test_the_champion_comes_back_from_the_registry(client: Any, tmp_path: Path) -> None:
    import mlflow

    version = client.get_model_version_by_alias(REGISTERED, "champion")
    assert version.description.startswith("**Champion**") and "`biased`" in version.description
    champion = f"models:/{REGISTERED}@champion"
    folder = mlflow.artifacts.download_artifacts(champion, dst_path=str(tmp_path))
    files = {file.name for file in Path(folder).rglob("*") if file.is_file()}
    assert {"MLmodel", "requirements.txt", "model.json"} <= files


def test_without_the_server_a_warning_is_all(client: Any, server: Server, project: Path) -> None:
    server.stop()
    start = time.perf_counter()
    done = track(project)
    seconds = time.perf_counter() - start
    assert done.returncode == 0, done.stderr
    assert "MLflow lacks bias, biased, the pipeline" in done.stderr
    assert "`reelbench track` fills it later" in done.stderr
    assert "MLflow has 0 models" in done.stdout
    assert "Traceback" not in done.stderr
    assert seconds < 60
