"""From published files to canonical tables: sources, readers, cleaning, schemas."""

import sys
import warnings
from typing import Any, cast

# pyspark says so wherever it meets pandas, as in a session of Spark
warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
# Where pyspark is installed, pandera tries to import this module several times, each time with a
# warning, and fails: it does not work with pandas 3. It is not there, then, from the start.
cast(dict[str, Any], sys.modules).setdefault("pyspark.pandas", None)


class DataError(ValueError):
    """Data that cannot be used; the message names the file, the place in it and the remedy."""
