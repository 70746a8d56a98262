"""How likely a decoder language model finds each option behind one prompt, read once.

Shape letters: R prompts, K options of each, O tokens of the longest option, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stiltwalk.features.ragged import Ragged
from stiltwalk.infer.continuation import Continuation
from stiltwalk.kinds import Batch
from stiltwalk.models.checkpoint import Model


def option_scores(
    model: Model, batch: Batch, options: Sequence[Sequence[NDArray[np.int32]]]
) -> list[NDArray[np.float32]]:
    """Return per prompt the options' log-likelihoods in nats and numbers of tokens, (K, 2).

    Args:
        model: of the causal family.
        batch: prompts, padded on the right.
        options: the tokens of each, K for every prompt.
    """
    per_prompt = len(options[0])
    flat = Ragged.of([option for each in options for option in each])
    device = batch.input_ids_RT.device
    ids_NO = torch.from_numpy(flat.padded(np.arange(len(flat)), 0)).to(device)
    length_N = torch.from_numpy(flat.lengths).to(device)
    is_real_NO = torch.arange(ids_NO.shape[1], device=device)[None, :] < length_N[:, None]
    reading = Continuation(model, batch, room_tokens=ids_NO.shape[1] - 1, copies=per_prompt)
    logits_NOV = reading.logits_RV.repeat_interleave(per_prompt, dim=0)[:, None]
    if ids_NO.shape[1] > 1:
        further = reading.feed(ids_NO[:, :-1], is_real_NO[:, :-1].long())
        logits_NOV = torch.cat([logits_NOV, further], dim=1)
    sums_N = (_log_likelihood(logits_NOV, ids_NO) * is_real_NO).sum(dim=1)
    found_N2 = torch.stack([sums_N, length_N.float()], dim=1)
    return list(found_N2.view(-1, per_prompt, 2).cpu().numpy())


def _log_likelihood(logits_NOV: Tensor, ids_NO: Tensor) -> Tensor:
    chosen_NO = logits_NOV.gather(-1, ids_NO[..., None])[..., 0]
    return chosen_NO - logits_NOV.logsumexp(dim=-1)
