"""Features on disk: written once per tokenizer and task, mapped into memory from then on.

Several arms and seeds ask the same rows. The file is flat Arrow, so reading it copies nothing and
a large task takes no room of its own. It may be deleted at any time.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stiltwalk.features.rows import OF_SOME, Features, Ragged, concatenated, first_examples
from stiltwalk.files import is_intact, put_sealed

log = logging.getLogger(__name__)

_FORM = 4
"""Raised by hand when features of the same text come out otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class KeptFeatures:
    """Rows of several parts behind one another, without labels.

    Args:
        whole: all rows.
        first_rows: where each part's rows start in it, and an end.
        first_examples: the same for its examples.
    """

    whole: Features
    first_rows: Sequence[int]
    first_examples: Sequence[int]

    @classmethod
    def of(cls, parts: Sequence[Features]) -> KeptFeatures:
        """Lay parts behind one another, in memory."""
        first_rows = [0, *accumulate(part.num_rows for part in parts)]
        return cls(concatenated(parts), first_rows, first_examples(parts))

    def part(self, number: int) -> Features:
        """Return one part as it was made, views."""
        start, end = self.first_rows[number : number + 2]
        return self.whole.between(start, end, self.first_examples[number])


def kept_features(
    folder: Path, key: Mapping[str, Any], make: Callable[[], Sequence[Features]]
) -> KeptFeatures:
    """Return features from the folder, made and put there if they are missing.

    Args:
        folder: of all kept features.
        key: everything that decides them, as JSON values.
        make: returns them in parts, such as languages.

    Raises:
        OSError: if they cannot be written.
    """
    digest = sha256(json.dumps([_FORM, key], sort_keys=True).encode()).hexdigest()
    file = folder / f"{digest[:16]}.arrow"
    if not is_intact(file):
        if file.exists():
            log.warning("%s is not what was written; its features are made again.", file)
        _write(file, make())
    return _read(file)


def _write(file: Path, parts: Sequence[Features]) -> None:
    """Write all or nothing."""
    kept = KeptFeatures.of(parts)
    whole = kept.whole
    columns = {
        "ids": _lists(whole.ids),
        "second": pa.array(whole.second),
        "example": pa.array(whole.example),
    }
    columns |= {
        name: _lists(found) for name in OF_SOME if (found := getattr(whole, name)) is not None
    }
    facts = {
        "first_rows": kept.first_rows,
        "first_examples": kept.first_examples,
        "rows_per_unit": whole.rows_per_unit,
    }
    batch = pa.RecordBatch.from_pydict(columns, metadata={"facts": json.dumps(facts)})
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with pa.OSFile(str(aside), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
        put_sealed(aside, file)
    finally:
        aside.unlink(missing_ok=True)


def _read(file: Path) -> KeptFeatures:
    reader = pa.ipc.open_file(pa.memory_map(str(file)))
    facts = json.loads(reader.schema.metadata[b"facts"])
    batch = reader.get_batch(0)
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    whole = Features(
        ids=_ragged(columns["ids"]),
        second=columns["second"].to_numpy(),
        example=columns["example"].to_numpy(),
        labels=Ragged.of([[]] * (batch.num_rows // facts["rows_per_unit"])),
        **{name: _ragged(columns[name]) for name in OF_SOME if name in columns},
        rows_per_unit=facts["rows_per_unit"],
    )
    return KeptFeatures(whole, facts["first_rows"], facts["first_examples"])


def _lists(ragged: Ragged) -> pa.Array:
    values = pa.array(ragged.values.ravel())
    if ragged.values.ndim > 1:
        values = pa.FixedSizeListArray.from_arrays(values, ragged.values.shape[1])
    return pa.LargeListArray.from_arrays(pa.array(ragged.starts), values)


def _ragged(column: pa.Array) -> Ragged:
    values, starts = column.values, column.offsets.to_numpy()
    if pa.types.is_fixed_size_list(values.type):
        flat = values.flatten().to_numpy()
        return Ragged(flat.reshape(-1, values.type.list_size), starts)
    return Ragged(values.to_numpy(), np.asarray(starts))
