"""A standalone cluster, and a server of Spark Connect, as processes of the test session."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HOST = "127.0.0.1"
#: enough for MovieLens 100K
MEMORY = {"driver_memory": "1g", "executor_memory": "512m", "partitions": 2}

# read when Java starts, which a process does once
os.environ.setdefault("SPARK_CONF_DIR", str(Path(__file__).with_name("spark_conf")))


def why_not() -> dict[str, bool | str]:
    """Arguments of `skipif`: whether something is missing for tests on Spark, and what."""
    if find_spec("pyspark") is None:
        return {"condition": True, "reason": "pyspark is not installed (the extra `spark`)"}
    java = shutil.which("java") or os.environ.get("JAVA_HOME")
    return {"condition": not java, "reason": "there is no Java"}


class Cluster:
    """Processes of their own groups, so that one signal ends a worker and what it has started."""

    def __init__(self, folder: Path, workers: int) -> None:
        self._folder = folder
        port = free_port()
        self.master = f"spark://{HOST}:{port}"
        self._master = self._start("master.Master", "--port", str(port))
        wait_for(port)
        self.workers = [self._worker() for _ in range(workers)]

    def _worker(self) -> subprocess.Popen[bytes]:
        limits = ["--cores", "1", "--memory", "768m", "--work-dir", str(self._folder)]
        return self._start("worker.Worker", *limits, self.master)

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        where = ["--host", HOST, "--webui-port", "0"]
        return start(
            "spark-class",
            f"org.apache.spark.deploy.{name}",
            *where,
            *arguments,
            folder=self._folder,
        )

    def replace(self, worker: int) -> None:
        """End a worker at once, with all that it has started, and start another one."""
        kill(self.workers[worker])
        self.workers[worker] = self._worker()

    @contextmanager
    def losing_a_worker(self, session: SparkSession, after: int = 0) -> Iterator[None]:
        """End a worker at work on a job inside, after so many others, and start another one."""
        tracker = session.sparkContext.statusTracker()
        past, lost = set[int](), threading.Event()

        def watch() -> None:
            while not lost.is_set():
                jobs = list(tracker.getActiveJobsIds())
                past.update(jobs)
                stages = [n for job in jobs for n in tracker.getJobInfo(job).stageIds]
                found = [tracker.getStageInfo(stage) for stage in stages]
                if len(past) > after and any(stage and stage.numActiveTasks for stage in found):
                    self.replace(0)
                    lost.set()
                time.sleep(0.005)

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        yield
        ended_in_time = lost.is_set()
        lost.set()
        thread.join()
        assert ended_in_time

    def stop(self) -> None:
        """End what still runs."""
        for process in (*self.workers, self._master):
            kill(process)


@contextmanager
def connect_server(folder: Path) -> Iterator[str]:
    """A server of Spark Connect with two threads; its address."""
    port = free_port()
    settings = {
        "spark.connect.grpc.binding.address": HOST,
        "spark.connect.grpc.binding.port": port,
        "spark.driver.host": HOST,
        "spark.ui.enabled": "false",
    }
    options = [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    server = ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    arguments = [*server, "--master", "local[2]", *options, "spark-internal"]
    process = start("spark-submit", *arguments, folder=folder, memory="1g")
    try:
        wait_for(port)
        yield f"sc://{HOST}:{port}"
    finally:
        kill(process)


def start(
    command: str, *arguments: str, folder: Path, memory: str = "256m"
) -> subprocess.Popen[bytes]:
    """Start a script of pyspark; what it writes goes to files in the folder."""
    environment = os.environ | {
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "SPARK_DAEMON_MEMORY": memory,
        "SPARK_LOCAL_DIRS": str(folder),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_NO_DAEMONIZE": "1",
    }
    script = Path(find_spec("pyspark").origin).parent / "bin" / command
    with (folder / f"{command}.log").open("ab") as log:
        # a group, and not a session, which would not have the priority of the tests
        return subprocess.Popen(
            [str(script), *arguments], env=environment, stdout=log, stderr=log, process_group=0
        )


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process at once, with all that it has started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    """A free port of this machine."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until the port accepts connections."""
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((HOST, port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
