"""The engine: rows in, answers and vectors out, with what it took."""
