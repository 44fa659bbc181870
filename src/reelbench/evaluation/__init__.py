"""How good predictions and rankings are, and how sure one can be of it."""
