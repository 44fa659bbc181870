"""Names and dtypes of every column of every table: the only place where they are spelt."""

from __future__ import annotations

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
DIRECTOR = "director"

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
PART = "part"

# predictions, recommendations and the per-user table of an evaluation
SCORE = "score"
RANK = "rank"
N_TEST = "n_test"
SQUARED_ERROR = "squared_error"
ABSOLUTE_ERROR = "absolute_error"
COLD_USER = "cold_user"
COLD_ITEM = "cold_item"

INTERACTION_DTYPES = {
    USER_IDX: "int32",
    ITEM_IDX: "int32",
    RATING: "float32",
    TIMESTAMP: "int64",
}
