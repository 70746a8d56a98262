"""Text → rows of token ids, windows and word positions, and batches of them; no torch."""
