"""A trained model in the hands of a user: what it needs beside its weights, and how it answers."""
