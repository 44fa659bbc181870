"""A session of Apache Spark, for tables and factors beyond one machine.

`pyspark` comes with the extra `reelbench[spark]` and is imported here alone when a session is
asked for. Files must have the same path on every machine of a cluster.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import PositiveInt

from reelbench.params import Section

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_JAVA = 17
_LOGGING = Path(__file__).with_name("log4j2.properties")
# seconds until a master has to answer, and until a cluster has to have a worker
_CONNECT_SECONDS = 5.0
_WORKER_SECONDS = 120.0

# what results or their order could depend on is fixed: partitions follow the settings, never
# sizes that were measured on the way
_SETTINGS = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.session.timeZone": "UTC",
}
# the history of factors after many passes is read by recursion: the usual 1 MB can be too little
_STACK = "-Xss16m"
_OWN_SETTINGS = {  # of a session that is no guest of a server
    "spark.driver.extraJavaOptions": f"{_STACK} -Dlog4j2.configurationFile={_LOGGING.as_uri()}",
    "spark.executor.extraJavaOptions": _STACK,
    "spark.sql.catalogImplementation": "in-memory",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


class SparkError(ValueError):
    """Spark cannot be used or has lost its cluster; the message is one sentence with the remedy."""


class SparkConfig(Section):
    """Where Spark computes, and with what."""

    #: `local[*]` or `local[2]` for threads of this machine, `spark://host:7077` for a cluster,
    #: `sc://host:15002` for Spark Connect
    master: str = "local[*]"
    driver_memory: str = "2g"  # of the process that plans and, where it is local, computes
    executor_memory: str = "2g"  # memory of every process of a cluster that computes
    partitions: PositiveInt = 8  # of tables; results are the same bytes for the same number


def spark_session(config: SparkConfig) -> SparkSession:
    """The session of this process, started where there is none for this master.

    Its memory is that of the first one: a process starts Java once. Where pyspark or Java is
    missing or too old, or no master or worker answers, it is a SparkError.
    """
    try:
        from pyspark.logger import PySparkLogger
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise SparkError("pyspark is not installed: `pip install 'reelbench[spark]'`") from error
    # it prints the whole trace of an error that is raised as well
    PySparkLogger.getLogger("SQLQueryContextLogger").disabled = True
    remote = config.master.startswith("sc://")
    _check_master(config.master)
    if not remote:
        from pyspark import SparkContext

        _check_java()
        other: Any = SparkContext._active_spark_context
        if other is not None and (other.master != config.master or other._jsc.sc().isStopped()):
            other.stop()
    builder = SparkSession.builder.appName("reelbench")
    builder = builder.remote(config.master) if remote else builder.master(config.master)
    for key, value in _settings(config).items():
        builder = builder.config(key, value)
    # workers of this machine run the same Python
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with explained(config.master):
        session = builder.getOrCreate()
    if config.master.startswith("spark://"):
        _wait_for_worker(session, config.master)
    return session


@contextmanager
def explained(master: str, session: SparkSession | None = None) -> Iterator[None]:
    """Turn what Spark raises inside into a SparkError, and end jobs that no worker is left for.

    A worker that is lost while others remain needs neither: Spark computes its part again.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    done, deserted = threading.Event(), threading.Event()
    watch = threading.Thread(target=_watch, args=(session, done, deserted), daemon=True)
    if session is not None and master.startswith("spark://"):
        watch.start()
    try:
        with warnings.catch_warnings():
            # that it was not tried with pandas 3, of which nothing is used here
            warnings.simplefilter("ignore", FutureWarning)
            yield
    except (Py4JError, PySparkException, ConnectionError) as error:
        if deserted.is_set():
            raise SparkError(
                f"all workers of {master} were lost: start one again and repeat the command"
            ) from error
        raise SparkError(f"Spark at {master} failed: {_reason(error)}") from error
    finally:
        done.set()
        if watch.is_alive():
            watch.join()


def _settings(config: SparkConfig) -> dict[str, str]:
    """Settings of a session; a server of Spark Connect has its own memory and addresses."""
    settings = _SETTINGS | {"spark.sql.shuffle.partitions": str(config.partitions)}
    if config.master.startswith("sc://"):
        return settings
    settings |= _OWN_SETTINGS | {
        "spark.default.parallelism": str(config.partitions),
        "spark.driver.memory": config.driver_memory,
        "spark.executor.memory": config.executor_memory,
    }
    if urlsplit(config.master).hostname in (None, "127.0.0.1", "localhost", "::1"):
        settings["spark.driver.host"] = settings["spark.driver.bindAddress"] = "127.0.0.1"
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    return settings


def _check_master(master: str) -> None:
    """Raise a SparkError for an address that is malformed or that nobody answers at."""
    if re.fullmatch(r"local(\[(\*|\d+)\])?", master):
        return
    found = re.fullmatch(r"(?:spark|sc)://([^:/;]+):(\d+)(?:/.*)?", master)
    if found is None:
        raise SparkError(
            f"master {master!r} is none of local[N], spark://host:port and sc://host:port"
        )
    try:
        socket.create_connection((found[1], int(found[2])), _CONNECT_SECONDS).close()
    except OSError as error:
        raise SparkError(
            f"no Spark master answers at {master}: {error.strerror or error}"
        ) from error


def _check_java() -> None:
    """Raise a SparkError where Java is missing or older than Spark needs."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    if java is None:
        where = f"in JAVA_HOME ({home})" if home else "on the path, and JAVA_HOME is not set"
        raise SparkError(f"Spark needs Java {_JAVA} or newer: there is no `java` {where}")
    report = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', report)
    if version is None or int(version[1]) < _JAVA:
        found = version[1] if version else "of an unknown version"
        raise SparkError(f"Spark needs Java {_JAVA} or newer: {java} is Java {found}")


def _wait_for_worker(session: SparkSession, master: str) -> None:
    """Raise a SparkError where the cluster has no worker that takes this session's memory."""
    end = time.monotonic() + _WORKER_SECONDS
    while _workers(session) == 0:
        if time.monotonic() > end:
            memory = session.conf.get("spark.executor.memory")
            session.stop()
            raise SparkError(f"{master} has no worker with {memory} of memory to spare")
        time.sleep(0.1)


def _workers(session: SparkSession) -> int:
    """Processes of the cluster that compute for this session."""
    java: Any = session.sparkContext._jsc
    return int(java.sc().getExecutorMemoryStatus().size()) - 1  # one is the driver


def _watch(session: SparkSession, done: threading.Event, deserted: threading.Event) -> None:
    """Cancel all jobs once a cluster has had no worker for a while: Spark would wait for ever."""
    seen = time.monotonic()
    while not done.wait(1.0):
        if _workers(session):
            seen = time.monotonic()
        elif time.monotonic() - seen > _WORKER_SECONDS:
            deserted.set()
            # again and again: the next job may not have begun
            session.sparkContext.cancelAllJobs()


def _reason(error: Exception) -> str:
    """The innermost error that Spark or a task names, without its trace."""
    lines = [line.strip() for line in str(error).splitlines()]
    named = [line for line in lines if re.match(r"(Caused by: )?[\w.]*(Error|Exception)\b", line)]
    return [*filter(None, lines), type(error).__name__, *named][-1 if named else 0][:300]
