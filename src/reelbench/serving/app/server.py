"""The page on a port of this machine. Nobody else can open it, and nothing is asked of others."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Event

from reelbench.serving.answer import AskError
from reelbench.serving.app.questions import Questions
from reelbench.serving.app.warm import in_background, read_first
from reelbench.serving.library import Library

HOST = "127.0.0.1"
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
