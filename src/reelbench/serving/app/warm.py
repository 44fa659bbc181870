"""What the first answer of its kind would wait for, done while nobody asks yet."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Thread

from reelbench import paths
from reelbench.files import read_json
from reelbench.serving.app.measured import on_test
from reelbench.serving.library import Library
from reelbench.serving.profile import Profile
from reelbench.serving.recommend import for_profile

# users times movies up to which every model is made ready, and not only those that answer by
# default: MovieLens 100K has 1.6 million. Above, models come when first asked for.
_SMALL = 10_000_000
_log = logging.getLogger(__name__)


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

    TensorFlow's few lines of greeting are shown: to drop what the process writes (`quiet`) would
    drop the reason why a question failed meanwhile.
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
