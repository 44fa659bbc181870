"""Download of one file over HTTP, resumed where the server allows it.

The received bytes are in `NAME.part`, with the server's ETag or date beside them; the next call
resumes there if the server still has that version. (pooch verifies and shows progress, but neither
resumes nor knows versions.)
"""

from __future__ import annotations

import logging
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from reelbench.data import DataError

_LOG = logging.getLogger(__name__)
_CHUNK = 1 << 18
_TIMEOUT = 60  # seconds without a byte
_STEPS = 10  # lines of progress
_ATTEMPTS = 3


def download(url: str, target: Path) -> None:
    """Fetch a file.

    Args:
        url: http, https or file.
        target: name of the complete file, which exists only after the last byte has arrived.

    Raises:
        DataError: the server does not answer, refuses, or disconnects again and again.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _fetch(url, target)
            return
        except urllib.error.HTTPError as error:
            raise DataError(f"{url}: the server answers {error.code} {error.reason}") from error
        except (OSError, HTTPException) as error:
            if attempt == _ATTEMPTS or isinstance(error, urllib.error.URLError):
                raise DataError(
                    f"{url} could not be fetched: {getattr(error, 'reason', error)}. The "
                    "received part is kept, and the next run resumes there"
                ) from error
            _LOG.info("%s: %s; resuming", target.name, error)


def _fetch(url: str, target: Path) -> None:
    part, mark = _part(target), _mark(target)
    have = part.stat().st_size if part.exists() and mark.exists() else 0
    request = urllib.request.Request(url)
    if have:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", mark.read_text(encoding="utf-8"))
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        if response.status != 206:  # the whole file: it has changed, or the server cannot resume
            have = 0
            _remember(response, mark)
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        _log(target.name, have, total)
        _copy(response, part, have, total)
    size = part.stat().st_size
    if total is not None and size != total:
        raise OSError(f"{size:,} of {total:,} bytes arrived")
    mark.unlink(missing_ok=True)
    part.replace(target)


def _copy(response: HTTPResponse, part: Path, have: int, total: int | None) -> None:
    step = total / _STEPS if total else float("inf")
    shown = have
    with part.open("ab" if have else "wb") as sink:
        while chunk := response.read(_CHUNK):
            sink.write(chunk)
            have += len(chunk)
            if have - shown >= step:
                shown = have
                _log(part.name.removesuffix(".part"), have, total)


def _remember(response: HTTPResponse, mark: Path) -> None:
    """Keep the version; without one an interrupted download starts again."""
    version = response.headers.get("ETag") or response.headers.get("Last-Modified")
    if version and not version.startswith("W/"):
        mark.write_text(version, encoding="utf-8")
    else:
        mark.unlink(missing_ok=True)


def _log(name: str, have: int, total: int | None) -> None:
    of = f" of {total / 1e6:.1f}" if total else ""
    _LOG.info("%s: %.1f%s MB", name, have / 1e6, of)


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _mark(target: Path) -> Path:
    return target.with_name(f"{target.name}.version")
