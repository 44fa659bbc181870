from __future__ import annotations

import os

import pytest

from reelbench.serving.quiet import quiet


def test_only_what_is_written_meanwhile_is_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, b"before\n")
    with pytest.raises(KeyError), quiet():
        os.write(2, b"meanwhile\n")
        raise KeyError
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"
