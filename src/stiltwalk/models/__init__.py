"""Checkpoints → transformers models: an encoder that moves between stages, heads that do not."""
