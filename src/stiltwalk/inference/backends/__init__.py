"""What answers the prompts of a decoder: one file per backend."""
