"""Names and dtypes of every column of every table: the only place where they are spelt."""

# interactions
USER_IDX = "user_idx"
ITEM_IDX = "item_idx"
RATING = "rating"
TIMESTAMP = "timestamp"

# items
ITEM_ID = "item_id"
TITLE = "title"
TITLE_RAW = "title_raw"
AKA = "aka"
YEAR = "year"
GENRES = "genres"
OVERVIEW = "overview"
TAGLINE = "tagline"
KEYWORDS = "keywords"
DIRECTOR = "director"
CAST = "cast"
COMPANIES = "production_companies"
LANGUAGE = "original_language"
RELEASE_DATE = "release_date"
RUNTIME = "runtime"
BUDGET = "budget"
REVENUE = "revenue"
POPULARITY = "popularity"
VOTE_COUNT = "vote_count"

#: how an id of a knowledge graph begins that stands for the name of a person: it is not for readers
ID_MARK = "id:"

# users
USER_ID = "user_id"
AGE = "age"
GENDER = "gender"
OCCUPATION = "occupation"
ZIP_CODE = "zip_code"

# tags
TAG = "tag"

# rows on their way through clean and split
REASON = "reason"
SOURCE_ROW = "source_row"
LINE = "line"
EXCLUDED = "excluded"
PART = "part"

# predictions, recommendations and the per-user table of an evaluation
SCORE = "score"
RANK = "rank"
N_TEST = "n_test"
ERROR = "error"
ABSOLUTE_ERROR = "absolute_error"
SQUARED_ERROR = "squared_error"
# of given ratings, from their mean over the test part
DEVIATION = "deviation"
SQUARED_DEVIATION = "squared_deviation"
COLD_USER = "cold_user"
COLD_ITEM = "cold_item"
# number of the seed, window or fold, from 1
REPEAT = "repeat"

# cohorts and calibration of an evaluation
COHORT_BY = "by"
COHORT = "cohort"
N_USERS = "users"
N_ITEMS = "items"
BIN_LOW = "bin_low"
BIN_HIGH = "bin_high"
MEAN_PREDICTED = "mean_predicted"
MEAN_GIVEN = "mean_given"

INTERACTION_DTYPES = {USER_IDX: "int32", ITEM_IDX: "int32", RATING: "float32", TIMESTAMP: "int64"}
