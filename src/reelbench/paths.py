"""Every path that a stage reads or writes, relative to the root of the project.

`dvc.yaml` spells the same paths; `tests/test_pipeline.py` holds the two against each other.
"""

from collections.abc import Callable
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
# predictions of other libraries, a file per run, which `reelbench import-run` writes
IMPORTED = DATA / "imported"
EVALUATION = DATA / "evaluation"
# a folder per model that was trained again, with other seeds or on other windows or folds
REPEATS = DATA / "repeats"
# a folder per repetition, where its stages run: no output of a stage, but what goes on from there
REPETITIONS = DATA / ".repetitions"
COSTS = DATA / "costs"  # seconds and bytes, which differ from run to run
TRAIN_COSTS = COSTS / "train"
EVALUATE_COSTS = COSTS / "evaluate"
LOG = DATA / "run.log"  # all that the stages printed in the last `reelbench run`
PLAN = COSTS / "plan.json"  # what was predicted, and which models are skipped

REPORTS = Path("reports")
# test metrics of all models in one file, kept by git: what `dvc metrics diff` compares
METRICS = REPORTS / "metrics.json"
BASELINE = REPORTS / "baseline"
FIGURES = REPORTS / "figures"
# learning curves again, a file per network: what `dvc plots show` draws
CURVES = REPORTS / "curves"
# finished searches by model, as `reelbench tune` puts them together
TUNING = REPORTS / "tuning.json"
REPLICATION = REPORTS / "replication"
REPLICATION_TABLE = REPLICATION / "table.csv"
REPLICATION_MD = REPORTS / "replication.md"
DATA_REPORT = REPORTS / "data.json"
COMPARISONS_CSV = REPORTS / "comparisons.csv"
RARE_ITEMS_CSV = REPORTS / "rare_items.csv"
# a row per model, repetition and metric; only its header where nothing is repeated
REPEATS_CSV = REPORTS / "repeats.csv"
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
VEGA_JS = REPORTS / "vega.js"  # for `dvc plots show`, whose template .dvc/plots.html names it too

INTERACTIONS = CLEAN / "interactions.parquet"
SOURCE_ROW = CLEAN / "source_row.npy"
ITEMS = CLEAN / "items.parquet"
USERS = CLEAN / "users.parquet"
TAGS = CLEAN / "tags.parquet"
CATALOGUE = CLEAN / "catalogue.json"
CLEAN_COUNTS = CLEAN / "counts.json"
FUZZY_MATCHES = CLEAN / "fuzzy_matches.csv"  # only where `enrich` took similar titles for the same

TRAIN = SPLIT / "train.parquet"
VALID = SPLIT / "valid.parquet"
TEST = SPLIT / "test.parquet"
#: only of a protocol whose test users are unknown to train
PROFILE = SPLIT / "profile.parquet"
KNOWN_TAGS = SPLIT / "tags.parquet"  # those that features may be made of
SPLIT_COUNTS = SPLIT / "split.json"


def _of(folder: Path, name: str) -> Callable[[str], Path]:
    """A path with the name of a model, block or table in it."""
    return lambda of: folder / name.format(of)


model_conf = _of(CONF / "models", "{}.yaml")  # file of conf/ with one model and its search space
#: rows of the source that cannot be used, with the reason; only where there are any
dropped_rows = _of(CLEAN, "dropped_{}.csv")
feature_block = _of(FEATURES, "{}.npz")  # arrays of one feature block
block_key = _of(FEATURES, "{}.json")  # hash of everything that one feature block was made of
model_inputs = _of(INPUTS, "{}.json")  # hashes of the parts, blocks and code that one model reads
model_dir = _of(MODELS, "{}")  # folder of one trained model
#: why a model was not trained; only where it was not, and then the only file of its folder
skipped = _of(MODELS, "{}/skipped.json")
curves = _of(MODELS, "{}/curves.csv")  # loss per epoch of one model (a header without epochs)
layers = _of(MODELS, "{}/layers.json")  # layers of one model's network (empty without one)
train_cost = _of(TRAIN_COSTS, "{}.json")  # of one training: seconds, bytes and the machine
evaluate_cost = _of(EVALUATE_COSTS, "{}.json")  # scoring time of one model: differs from run to run
imported_run = _of(IMPORTED, "{}.parquet")  # predictions of one imported run
#: of an imported run: where it is from, what was left out, given costs
run_facts = _of(EVALUATION, "{}/run.json")
evaluation_dir = _of(EVALUATION, "{}")  # folder of one model's evaluation, but its cost
#: hash of what an evaluation has read, code included: tells whether it is up to date
evaluation_inputs = _of(EVALUATION, "{}/inputs.json")
metrics = _of(EVALUATION, "{}/metrics.json")  # test metrics of one model
cohorts = _of(EVALUATION, "{}/cohorts.csv")  # the metrics of one model again, by cohort
#: mean given against mean predicted rating of one model, by bins of the predicted one
calibration = _of(EVALUATION, "{}/calibration.csv")
tuning_dir = _of(SEARCHES, "{}")  # all that the search for one model's parameters writes
tuning = _of(SEARCHES, "{}/search.json")  # one model's search: every trial, and the winner
tune_cost = _of(SEARCHES, "{}/seconds.json")  # seconds of every trial of one model
#: trials of one model in Optuna's journal, from which a killed search is continued
tune_journal = _of(SEARCHES, "{}/journal.log")
per_user = _of(EVALUATION, "{}/per_user.parquet")  # test metrics of one model, a row per test user
predictions = _of(EVALUATION, "{}/predictions.parquet")  # given and predicted, per test rating
recommendations = _of(EVALUATION, "{}/recommendations.parquet")  # the first k of each test user
last_places = _of(EVALUATION, "{}/last_places.parquet")  # the last k of each test user
repeats_dir = _of(REPEATS, "{}")  # everything that the repetitions of one model write
#: metrics and cold shares of every repetition, their mean and standard deviation
repeats = _of(REPEATS, "{}/repeats.json")
#: `per_user` of every repetition, with its number; only where there are any
repeats_per_user = _of(REPEATS, "{}/per_user.parquet")


def in_checkout(root: Path) -> Path:
    """A path relative to the checkout; `dvc exp run --temp` works in a copy, deleted later."""
    return Path(str(Path.cwd()).partition("/.dvc/tmp/")[0]) / root.expanduser()
