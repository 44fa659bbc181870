"""Results against earlier results: what moved, and whether it may be merged."""
