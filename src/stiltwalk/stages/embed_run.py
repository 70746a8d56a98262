"""How rows become frozen features with labels.

Shape letters: R rows of a batch, T tokens, D width, P places of a row that carry a label.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file

from stiltwalk.errors import DataError
from stiltwalk.features.rows import Features
from stiltwalk.features.sentences import NO_LABEL
from stiltwalk.features.text import load_text_encoder
from stiltwalk.heads import head_of
from stiltwalk.heads.head import Batch
from stiltwalk.inference.engine import Engine
from stiltwalk.models import checkpoint
from stiltwalk.models.checkpoint import Model
from stiltwalk.models.device import all_devices
from stiltwalk.records import TaskType
from stiltwalk.stages.context import Context
from stiltwalk.stages.embed import FILE, Embed
from stiltwalk.store.workspace import Folder
from stiltwalk.tasks import TASKS
from stiltwalk.training.data import labels_of

PLACES = 4
"""Tokens of a row that are read, at most: neighbours say little more."""
Places = NDArray[np.int64]


def embed(stage: Embed, context: Context, folder: Folder) -> None:
    """Write the features of what carries a label, their labels, and the mean over all rows."""
    torch.set_num_threads(context.num_threads)
    task, path = TASKS[stage.rows.task], stage.parent.model_folder(context)
    examples = stage.asked.examples(context.data)
    if not examples:
        raise DataError(f"{task.name} has no English training rows: at least one is needed.")
    encoder, head = load_text_encoder(path), head_of(task.task_type)
    labels = labels_of(task, examples)
    features = head.features(examples, encoder, labels, stage.max_length_tokens)
    known = [labelled_places(features, row) for row in range(features.num_rows)]

    def forward(model: Model, batch: Batch, rows: NDArray[np.int64]) -> list[NDArray[Any]]:
        states_RTD = model(**batch.inputs()).last_hidden_state.float()
        mask_RT1 = batch.attention_mask_RT[..., None].to(torch.float32)
        mean_RD = ((states_RTD * mask_RT1).sum(dim=1) / mask_RT1.sum(dim=1)).cpu().numpy()
        found = []
        for at, row in enumerate(rows.tolist()):
            places_P = known[row][0]
            own = states_RTD[at, torch.from_numpy(places_P)].cpu().numpy()
            found.append(np.vstack([mean_RD[at], own]))
        return found

    model = checkpoint.load(TaskType.RETRIEVAL, path)
    engine = Engine(
        model=model,
        pad_id=encoder.pad_id,
        devices=all_devices(),
        tick=context.counter(features.num_rows),
    )
    found, _ = engine.map_rows(features, forward)
    mean_RD = np.array([each[0] for each in found])
    is_token = features.words is not None or features.offsets is not None
    vectors_ND = np.concatenate([each[1:] for each in found]) if is_token else mean_RD
    labels_N = np.concatenate([each for _, each in known])
    if not len(labels_N):
        raise DataError(f"None of {len(examples)} rows of {task.name} carries a label: give more.")
    kept = {"vectors_ND": vectors_ND, "labels_N": labels_N, "mean_D": mean_RD.mean(axis=0)}
    save_file(kept, folder.path / FILE)


def labelled_places(features: Features, row: int) -> tuple[Places, Places]:
    """Return the tokens of a row that carry a label, and the labels; of whole rows a label alone.

    Of an option the label is whether it is right; of tokens around an answer 0, of its first 1, of
    its last 2, where that is another.
    """
    nowhere = np.zeros(0, dtype=np.int64)
    if features.words is not None:
        labels = features.labels[row].astype(np.int64)
        taken = _spread(np.flatnonzero(labels != NO_LABEL))
        return features.words[row].astype(np.int64)[taken], labels[taken]
    if features.offsets is not None:
        first, last = features.labels[row].tolist()
        if not last:  # the answer is in another window, or nowhere
            return nowhere, nowhere
        places = np.flatnonzero(features.offsets[row][:, 0] >= 0)
        others = _spread(places[(places < first) | (places > last)], PLACES - 2)
        ends = np.array([first, last][: 1 + (last > first)])
        return np.concatenate([ends, others]), np.repeat([1, 2, 0], [1, len(ends) - 1, len(others)])
    unit, option = divmod(row, features.rows_per_unit)
    label = int(features.labels[unit][0])
    return nowhere, np.array([label if features.rows_per_unit == 1 else label == option], np.int64)


def _spread(places: Places, most: int = PLACES) -> Places:
    """Return at most so many of some places, evenly spaced."""
    if len(places) <= most:
        return places
    return places[np.arange(most) * len(places) // most]
