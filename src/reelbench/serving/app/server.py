"""The page on a port of this machine. Nobody else can open it, and nothing is asked of others."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

from reelbench import paths
from reelbench.files import read_json
from reelbench.serving.answer import AskError
from reelbench.serving.app.questions import Questions, on_test
from reelbench.serving.library import Library
from reelbench.serving.profile import Profile
from reelbench.serving.recommend import for_profile

HOST = "127.0.0.1"
# users times movies up to which every model is made ready, and not only those that answer by
# default: MovieLens 100K has 1.6 million. Above, models come when first asked for.
_SMALL = 10_000_000
_log = logging.getLogger(__name__)
_STYLE = Path(__file__).with_name("app.css")


def serve(port: int, say: Callable[[str], None]) -> None:
    """Answer until somebody presses Ctrl+C.

    Args:
        say: is told the address once it answers, and when all is loaded that answers wait for.

    Raises:
        AskError: there has been no run yet, or the port is in use.
    """
    stay_here()
    library = Library.read()
    check_free(port)
    import gradio as gr  # seconds, so after what may fail at once

    from reelbench.serving.app.layout import build

    read_first(library)
    page = build(Questions(library))
    page.launch(
        server_name=HOST,
        server_port=port,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        ssr_mode=False,
        enable_monitoring=False,
        run_history=False,
        footer_links=[],
        theme=gr.themes.Default(
            primary_hue="blue",
            secondary_hue="slate",
            font=["system-ui", "sans-serif"],  # the one that Gradio brings lacks bold letters
            font_mono=["ui-monospace", "monospace"],
        ),
        css_paths=_STYLE,
    )
    say(f"The app is at http://{HOST}:{port} (Ctrl+C stops it)")
    in_background(library, lambda: say("Models are loaded"))
    try:
        Event().wait()
    except KeyboardInterrupt:
        page.close()


def check_free(port: int) -> None:
    """Nothing for a port that can be listened on.

    Raises:
        AskError: somebody does so already, or it needs rights.
    """
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            tried.bind((HOST, port))
        except OSError as error:
            told = f"port {port} of {HOST} cannot be had ({error.strerror})"
            raise AskError(f"{told}: name another with --port") from error


def stay_here() -> None:
    """No statistics to Gradio or the Hugging Face hub, no fonts from afar, no proxy to ourselves.

    To be called before Gradio is imported.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_OFFLINE"] = "1"
    for name in ("no_proxy", "NO_PROXY"):  # Gradio calls its own address to see whether it answers
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), HOST]))


def read_first(library: Library) -> None:
    """What every answer needs, and the best model if that is quick: a fraction of a second."""
    for name in ("titles", "content", "liked_alike", "mean"):
        getattr(library, name)  # cached
    library.user("")
    library.told(0)
    for name in library.models.best_first[:1]:
        if not _is_network(library, name):
            _ready(library, name, alike=False)


def in_background(library: Library, done: Callable[[], None]) -> None:
    """Load models, TensorFlow among them, in a thread that ends with the process.

    TensorFlow's start-up messages are shown: suppressing stderr (`cli.suppress_stderr`) would also
    hide why another question failed in the meantime.
    """

    def run() -> None:
        warm(library)
        done()

    Thread(target=run, daemon=True, name="warm").start()


def warm(library: Library) -> None:
    """The best model, then a typed profile, then on small data all others, the best first.

    A model that cannot be loaded is left to the answer that needs it to complain of.
    """
    names = library.models.best_first
    small = library.ids.n_users * library.ids.n_items <= _SMALL
    for name in names[:1]:
        _ready(library, name, alike=small)
    _profile(library)
    for name in names[1:] if small else ():
        _ready(library, name, alike=small)


def _is_network(library: Library, name: str) -> bool:
    """Which waits for TensorFlow."""
    target = read_json(library.root / paths.model_dir(name) / "model.json")["_target_"]
    return str(target).startswith(("reelbench.models.network", "reelbench.models.mlp"))


def _ready(library: Library, name: str, alike: bool) -> None:
    try:
        on_test(library.root, name)
        library.models.get(name).score([0])
        library.models.fold_in(name)
        if alike:
            library.models.correlations(name, 0)
    except Exception as error:
        _log.warning("model %s is not ready: %s", name, error)


def _profile(library: Library) -> None:
    try:
        for_profile(library, Profile(age=30), k=1)
    except Exception as error:
        _log.warning("profiles are not ready: %s", error)
