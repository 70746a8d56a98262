"""Pure functions from answers to fractions in [0, 1]. No torch, no files, no state."""
