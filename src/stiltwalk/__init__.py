"""Walk a multilingual model over English stepping stones, then measure it in 40 languages."""
