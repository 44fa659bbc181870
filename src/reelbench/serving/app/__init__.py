"""Serve the app on a port of this machine only; no request leaves it.

Only the three files of the page and what `Questions` answers can be read. A request is refused that
names another host (as after DNS rebinding) or comes from a page of another origin.
"""

import json
import logging
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Thread
from time import thread_time

import anyio.to_thread
import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from threadpoolctl import threadpool_limits

from reelbench.serving import AskError, capitalized
from reelbench.serving.library import Library
from reelbench.serving.questions import Questions, Wanted

HOST = "127.0.0.1"
LARGEST = 100_000  # bytes of a request
_FILES = {"/": ("index.html", "text/html"), "/app.css": ("app.css", "text/css")}
_FILES["/app.js"] = ("app.js", "text/javascript")
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
_ANSWERING = 2  # requests that are answered at once: more only wait for each other
_log = logging.getLogger(__name__)


def serve(port: int, say: Callable[[str], None]) -> None:
    """Serve the app on 127.0.0.1 until Ctrl+C is pressed.

    Says the address once the app answers, and again when all is loaded. Without a run, or if the
    port is in use, it is an AskError.
    """
    threadpool_limits(1)  # those of BLAS would wait for the threads that answer
    questions = Questions(Library.read())
    with _bound(port) as opened:
        read_first(questions)
        opened.listen(100)  # from here on requests wait for the server
        say(f"The app is at http://{HOST}:{port} (Ctrl+C stops it)")
        in_background(questions, lambda: say("Models are loaded"))
        config = uvicorn.Config(page(questions, port), log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[opened])


def _bound(port: int) -> socket.socket:
    """A socket of the port, or an AskError if that is in use or needs privileges."""
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((HOST, port))
    except OSError as error:
        opened.close()
        reason = f"port {port} on {HOST} is not available ({error.strerror})"
        raise AskError(f"{reason}: choose another with --port") from error
    return opened


def page(questions: Questions, port: int) -> ASGIApp:
    """The app as a server runs it."""
    folder = Path(__file__).parent
    routes = [
        Route(path, Response((folder / name).read_bytes(), media_type=kind), methods=["GET"])
        for path, (name, kind) in _FILES.items()
    ]

    async def about(request: Request) -> Response:
        return await _answer(questions.about, questions.at_once())

    async def titles(request: Request) -> Response:
        text = request.query_params.get("q", "")
        return await _answer(lambda: questions.titles(text), questions.at_once())

    async def answer(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST:
                return _sentence("this is too much at once", 413)
        try:
            wanted = Wanted.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))[:100]
            return _sentence(f"this cannot be read: {where}: {first['msg']}", 422)
        return await _answer(lambda: questions.answer(wanted), questions.at_once(wanted))

    routes += [Route("/api/about", about), Route("/api/titles", titles)]
    routes.append(Route("/api/answer", answer, methods=["POST"]))
    return _guarded(Starlette(routes=routes), port)


async def _answer(ask: Callable[[], object], at_once: bool) -> Response:
    """What is asked, as JSON; a sentence for what cannot be answered.

    Answers of milliseconds are given `at_once`, by the thread that reads requests: two threads of
    Python take half as long again for them, since they wait for each other.
    """

    def timed() -> Response:
        start = thread_time()
        content = JSONResponse(ask())
        taken = 1000 * (thread_time() - start)
        content.headers["server-timing"] = f"cpu;dur={taken:.1f}"
        return content

    try:
        return timed() if at_once else await anyio.to_thread.run_sync(timed, limiter=_limiter())
    except AskError as error:
        return _sentence(str(error), 400)
    except Exception:
        _log.exception("a question of the app could not be answered")
        return _sentence("this could not be answered; the terminal of the app has the cause", 500)


@cache
def _limiter() -> anyio.CapacityLimiter:  # can only be made where an event loop runs
    return anyio.CapacityLimiter(_ANSWERING)


def _sentence(text: str, status: int) -> Response:
    return JSONResponse({"error": f"{capitalized(text.rstrip('.'))}."}, status)


def _guarded(app: ASGIApp, port: int) -> ASGIApp:
    """Refuse requests to other hosts or of other origins, and add headers to every answer."""
    hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
    origins = {f"http://{host}" for host in hosts}

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        given = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        own = given.get("host") in hosts and given.get("origin", next(iter(origins))) in origins
        # a link on another page may open the app, but nothing there may ask it
        foreign = given.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        refused = not own or (foreign and scope["path"] != "/")

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(n.encode(), v.encode()) for n, v in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        answer = PlainTextResponse("Only the app's own page may ask it.\n", 403) if refused else app
        await answer(scope, receive, headed)

    return guarded


def read_first(questions: Questions) -> None:
    """Load what every answer needs, and the best models that are no networks."""
    library = questions.library
    for name in ("titles", "content", "liked_together", "mean", "directors", "links"):
        getattr(library, name)  # cached
    json.dumps(questions.about())
    questions.answer(Wanted())


def in_background(questions: Questions, done: Callable[[], None]) -> None:
    """Load in a thread that ends with the process."""

    def run() -> None:
        warm(questions)
        done()

    Thread(target=run, daemon=True, name="warm").start()


def warm(questions: Questions) -> None:
    """Load what the first answers of each kind need: no network, which takes seconds and memory."""
    library = questions.library
    some = str(library.items["item_id"].iloc[int(library.count.argmax())])
    rated = {"ratings": {some: library.ids.rating_max}}
    for what in ({"you": rated}, {"way": "similar", "item": some}, {"way": "text", "text": "war"}):
        try:
            questions.answer(Wanted.model_validate(what))
        except AskError:
            pass  # this run has no answer of the kind
        except Exception as error:
            _log.warning("%s is not ready: %s", what.get("way", "a rating"), error)
    questions.ready.set()
