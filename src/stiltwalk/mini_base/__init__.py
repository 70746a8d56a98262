"""How the miniature's encoder and decoder are made, and the shipped weights."""
