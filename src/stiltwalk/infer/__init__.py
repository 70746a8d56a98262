"""The engine: rows in, answers and vectors out, with what it took."""

from stiltwalk.infer.embed import block_at, sentence_vectors
from stiltwalk.infer.engine import Engine, RowCosts
from stiltwalk.infer.predict import forward, outputs, predict

__all__ = ["Engine", "RowCosts", "block_at", "forward", "outputs", "predict", "sentence_vectors"]
