"""A standalone cluster on this machine: a master and workers as processes of the test session."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

HOST = "127.0.0.1"


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
        self._class = str(Path(find_spec("pyspark").origin).parent / "bin" / "spark-class")
        port = _free_port()
        self.master = f"spark://{HOST}:{port}"
        where = ["--host", HOST, "--webui-port", "0"]
        self._master = self._start("master.Master", [*where, "--port", str(port)])
        _wait_for(port)
        limits = ["--cores", "1", "--memory", "768m"]
        self.workers = [
            self._start("worker.Worker", [*where, *limits, "--work-dir", str(folder), self.master])
            for _ in range(workers)
        ]

    def _start(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_LOCAL_DIRS": str(self._folder),
            "SPARK_LOCAL_IP": HOST,
            "SPARK_NO_DAEMONIZE": "1",
        }
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [self._class, f"org.apache.spark.deploy.{name}", *arguments],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @staticmethod
    def kill(process: subprocess.Popen[bytes]) -> None:
        """End a process of the cluster at once, with all that it has started."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End what still runs."""
        for process in (*self.workers, self._master):
            if process.poll() is None:
                self.kill(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((HOST, port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
