"""From published files to canonical tables: sources, readers, cleaning, schemas."""

from __future__ import annotations

import warnings

# pandera imports pyspark where it is installed, which then warns of pandas 3: neither is used so
warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)


class DataError(ValueError):
    """Data that cannot be used; the message names the file, the place in it and the remedy."""
