"""reelbench: a movie-recommendation benchmark as one reproducible pipeline."""
