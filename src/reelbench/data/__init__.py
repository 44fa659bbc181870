"""From published files to canonical tables: sources, readers, cleaning, schemas."""

from __future__ import annotations


class DataError(ValueError):
    """Data that cannot be used; the message names the file, the place in it and the remedy."""
