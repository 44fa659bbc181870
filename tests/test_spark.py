"""What is said where Spark cannot be used."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from reelbench.spark import SparkConfig, SparkError, spark_session


def _said(master: str = "local[1]") -> str:
    with pytest.raises(SparkError) as error:
        spark_session(SparkConfig(master=master))
    return str(error.value)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyspark"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyspark", None)
    assert _said() == "pyspark is not installed: `pip install 'reelbench[spark]'`"


def test_a_master_has_one_of_three_forms_and_answers() -> None:
    pytest.importorskip("pyspark")
    assert "none of local[N], spark://host:port and sc://host:port" in _said("yarn")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        for scheme in ("spark", "sc"):
            master = f"{scheme}://127.0.0.1:{port}"
            assert _said(master).startswith(f"no Spark master answers at {master}: ")


def test_java_is_there_and_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert _said() == f"Spark needs Java 17 or newer: there is no `java` in JAVA_HOME ({tmp_path})"
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_402\"' >&2\n")
    java.chmod(0o755)
    assert _said() == f"Spark needs Java 17 or newer: {java} is Java 8"
