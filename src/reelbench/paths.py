"""Every path that a stage reads or writes, relative to the root of the project.

`dvc.yaml` spells the same paths; `tests/test_pipeline.py` holds the two against each other.
"""

from __future__ import annotations

from pathlib import Path

CONF = Path("conf")
PARAMS = Path("params.yaml")

DATA = Path("data")
RAW = DATA / "raw"
# downloads on their way, and the hashes of those that no configuration pins: not outputs of a stage
DOWNLOADS = DATA / ".downloads"
KNOWN_HASHES = DATA / ".known_hashes.json"
CLEAN = DATA / "clean"
SPLIT = DATA / "split"
FEATURES = DATA / "features"
INPUTS = DATA / "inputs"
MODELS = DATA / "models"
# a folder per model whose hyperparameters were searched in this checkout
SEARCHES = DATA / "tuning"
EVALUATION = DATA / "evaluation"
# seconds and bytes, which differ from run to run
COSTS = DATA / "costs"
TRAIN_COSTS = COSTS / "train"
EVALUATE_COSTS = COSTS / "evaluate"
# what was predicted, and which models are skipped
PLAN = COSTS / "plan.json"

REPORTS = Path("reports")
# test metrics of all models in one file, kept by git: what `dvc metrics diff` compares
METRICS = REPORTS / "metrics.json"
BASELINE = REPORTS / "baseline"
FIGURES = REPORTS / "figures"
# learning curves again, a file per network: what `dvc plots show` draws
CURVES = REPORTS / "curves"
REPEATS = REPORTS / "repeats"
# finished searches by model, as `reelbench tune` puts them together
TUNING = REPORTS / "tuning.json"
REPLICATION = REPORTS / "replication"
REPLICATION_TABLE = REPLICATION / "table.csv"
REPLICATION_MD = REPORTS / "replication.md"
DATA_REPORT = REPORTS / "data.json"
COMPARISONS_CSV = REPORTS / "comparisons.csv"
RARE_ITEMS_CSV = REPORTS / "rare_items.csv"
LEADERBOARD_MD = REPORTS / "leaderboard.md"
LEADERBOARD_CSV = REPORTS / "leaderboard.csv"
INDEX_HTML = REPORTS / "index.html"
# what `reelbench gate save` copies to the baseline for readers of the repository
PUBLISHED = (
    LEADERBOARD_MD,
    FIGURES / "calibration.png",
    FIGURES / "differences_rmse.png",
    FIGURES / "leaderboard.png",
    FIGURES / "ratings_per_movie.png",
)
# for the page of `dvc plots show`, whose template .dvc/plots.html names it too
VEGA_JS = REPORTS / "vega.js"

INTERACTIONS = CLEAN / "interactions.parquet"
SOURCE_ROW = CLEAN / "source_row.npy"
ITEMS = CLEAN / "items.parquet"
USERS = CLEAN / "users.parquet"
TAGS = CLEAN / "tags.parquet"
CATALOGUE = CLEAN / "catalogue.json"
CLEAN_COUNTS = CLEAN / "counts.json"
# only where `enrich` took titles that are alike for the same
FUZZY_MATCHES = CLEAN / "fuzzy_matches.csv"

TRAIN = SPLIT / "train.parquet"
VALID = SPLIT / "valid.parquet"
TEST = SPLIT / "test.parquet"
# those that features may be made of
KNOWN_TAGS = SPLIT / "tags.parquet"
SPLIT_COUNTS = SPLIT / "split.json"


def dropped_rows(table: str) -> Path:
    """Rows of the source that cannot be used, with the reason; only where there are any."""
    return CLEAN / f"dropped_{table}.csv"


def feature_block(name: str) -> Path:
    """Arrays of one feature block."""
    return FEATURES / f"{name}.npz"


def block_key(name: str) -> Path:
    """Hash of everything that one feature block was made of."""
    return FEATURES / f"{name}.json"


def model_inputs(model: str) -> Path:
    """Content hashes of the parts, feature blocks and shared code that one model reads."""
    return INPUTS / f"{model}.json"


def model_dir(model: str) -> Path:
    """Folder of one trained model."""
    return MODELS / model


def skipped(model: str) -> Path:
    """Why a model was not trained; only where it was not, and then the only file of its folder."""
    return model_dir(model) / "skipped.json"


def curves(model: str) -> Path:
    """Loss per epoch of one model (header only where a model has no epochs)."""
    return model_dir(model) / "curves.csv"


def layers(model: str) -> Path:
    """Layers of one model's network (an empty list where a model has none)."""
    return model_dir(model) / "layers.json"


def train_cost(model: str) -> Path:
    """Seconds, bytes and the machine of one training: differs from run to run."""
    return TRAIN_COSTS / f"{model}.json"


def evaluate_cost(model: str) -> Path:
    """Scoring time of one model: differs from run to run."""
    return EVALUATE_COSTS / f"{model}.json"


def evaluation_dir(model: str) -> Path:
    """Folder of one model's evaluation: everything that it found but its cost."""
    return EVALUATION / model


def evaluation_inputs(model: str) -> Path:
    """Hash of what an evaluation has read, code included: tells whether it is up to date."""
    return evaluation_dir(model) / "inputs.json"


def metrics(model: str) -> Path:
    """Test metrics of one model."""
    return evaluation_dir(model) / "metrics.json"


def cohorts(model: str) -> Path:
    """Every metric of one model again, a row per cohort of users or items."""
    return evaluation_dir(model) / "cohorts.csv"


def calibration(model: str) -> Path:
    """Mean given against mean predicted rating of one model, by bins of the predicted one."""
    return evaluation_dir(model) / "calibration.csv"


def repeats(model: str, kind: str) -> Path:
    """Metrics of one model trained several times: `kind` is `seeds` or `folds`."""
    return REPEATS / f"{model}_{kind}.json"


def tuning_dir(model: str) -> Path:
    """Everything that the search for one model's hyperparameters writes."""
    return SEARCHES / model


def tuning(model: str) -> Path:
    """Result of one model's search: every trial, and the winner."""
    return tuning_dir(model) / "search.json"


def tune_cost(model: str) -> Path:
    """Seconds of every trial of one model: differs from run to run."""
    return tuning_dir(model) / "seconds.json"


def tune_journal(model: str) -> Path:
    """Trials of one model in Optuna's journal, from which a killed search is continued."""
    return tuning_dir(model) / "journal.log"


def per_user(model: str) -> Path:
    """Test metrics of one model, a row per test user."""
    return evaluation_dir(model) / "per_user.parquet"


def predictions(model: str) -> Path:
    """Predicted rating beside the given one, a row per test rating."""
    return evaluation_dir(model) / "predictions.parquet"


def recommendations(model: str) -> Path:
    """The top of the ranked catalogue, k rows per test user."""
    return evaluation_dir(model) / "recommendations.parquet"


def last_places(model: str) -> Path:
    """The other end of the same rankings, k rows per test user."""
    return evaluation_dir(model) / "last_places.parquet"


def in_checkout(root: Path) -> Path:
    """A path of the user's, which is relative to the checkout.

    `dvc exp run --temp` works in a copy of it below .dvc/tmp that is deleted later.
    """
    checkout = str(Path.cwd()).partition("/.dvc/tmp/")[0]
    return Path(checkout) / root
