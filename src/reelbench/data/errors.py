"""What is raised when the data, and not the program, is wrong."""

from __future__ import annotations


class DataError(ValueError):
    """Data that cannot be used; the message names the file, the place in it, and the remedy."""
