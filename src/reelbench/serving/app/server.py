"""Serve the app on a port of this machine only; no request leaves it."""

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

from reelbench.serving import AskError
from reelbench.serving.app import Questions, on_test
from reelbench.serving.library import Library
from reelbench.serving.recommend import Profile, for_profile

HOST = "127.0.0.1"
# users times movies up to which every model is loaded ahead, not just those used by default:
# MovieLens 100K has 1.6 million. Beyond that, models are loaded on first use.
_SMALL = 10_000_000
_log = logging.getLogger(__name__)


def serve(port: int, say: Callable[[str], None]) -> None:
    """Serve the app on 127.0.0.1 until Ctrl+C is pressed.

    Says the address once the app answers, and again when the models are loaded. Without a run, or
    if the port is in use, it is an AskError.
    """
    stay_here()
    library = Library.read()
    check_free(port)
    import gradio as gr  # takes seconds, so after what may fail at once

    from reelbench.serving.app.layout import LOOKS, build

    read_first(library)
    page = build(Questions(library))
    theme, style = gr.themes.Default(**LOOKS["theme"]), Path(__file__).with_name("app.css")
    where: dict[str, Any] = {"server_name": HOST, "server_port": port, **LOOKS["launch"]}
    page.launch(theme=theme, css_paths=style, **where)
    say(f"The app is at http://{HOST}:{port} (Ctrl+C stops it)")
    in_background(library, lambda: say("Models are loaded"))
    try:
        Event().wait()
    except KeyboardInterrupt:
        page.close()


def check_free(port: int) -> None:
    """Raise AskError if a port is in use, or needs privileges."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            tried.bind((HOST, port))
        except OSError as error:
            reason = f"port {port} on {HOST} is not available ({error.strerror})"
            raise AskError(f"{reason}: choose another with --port") from error


def stay_here() -> None:
    """Turn off statistics of Gradio and the hub, and proxies for this machine, before an import."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_OFFLINE"] = "1"
    for name in ("no_proxy", "NO_PROXY"):  # Gradio calls its own address to check it
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), HOST]))


def read_first(library: Library) -> None:
    """Load what every answer needs, and the best model unless that takes seconds."""
    for name in ("titles", "content", "liked_together", "mean"):
        getattr(library, name)  # cached
    library.user("")
    library.title(0)
    for name in library.models.best_first[:1]:
        if not library.models.is_network(name):
            _ready(library, name, similar=False)


def in_background(library: Library, done: Callable[[], None]) -> None:
    """Load models in a thread that ends with the process, with TensorFlow's start-up messages."""

    def run() -> None:
        warm(library)
        done()

    Thread(target=run, daemon=True, name="warm").start()


def warm(library: Library) -> None:
    """Load the best model, what profiles need, and on small data all others, if they can be."""
    names = library.models.best_first
    small = library.ids.n_users * library.ids.n_items <= _SMALL
    for name in names[:1]:
        _ready(library, name, similar=small)
    with _logged("profiles are"):
        for_profile(library, Profile(age=30), k=1)
    for name in names[1:] if small else ():
        _ready(library, name, similar=small)


def _ready(library: Library, name: str, similar: bool) -> None:
    with _logged(f"model {name} is"):
        on_test(library.root, name)
        model = library.models.get(name)
        model.score([0])
        if similar:
            model.similar_items(0)


@contextmanager
def _logged(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        _log.warning("%s not ready: %s", what, error)
