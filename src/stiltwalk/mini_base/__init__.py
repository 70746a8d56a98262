"""The miniature's models: where they are, and how each is made in a folder.

The encoder is shipped; the decoder is made in the user's cache when it is first asked for.
`python -m stiltwalk.mini_base` makes either.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from stiltwalk.files import user_cache

if TYPE_CHECKING:
    from stiltwalk.mini_base.encoder import Progress

ENCODER = Path(__file__).with_name("encoder_files")
DECODER_VERSION = 1
"""Raised by hand when another decoder comes to be made."""
SEED = 1


def find_encoder(*, make: bool) -> tuple[Path, Path]:
    """Return where the encoder is, as the model and as one of its size."""
    del make
    return ENCODER, ENCODER


def find_decoder(*, make: bool) -> tuple[Path | None, Path]:
    """Return where the decoder is, and a model of its size.

    Args:
        make: make one that is missing, in minutes; otherwise it is None.

    Raises:
        TrainingDiverged: if the loss is no longer finite.
    """
    folder = user_cache() / f"mini-decoder-{DECODER_VERSION}"
    if make and not folder.is_dir():
        from stiltwalk.mini_base.decoder import DecoderSettings, make_decoder  # noqa: PLC0415

        settings = DecoderSettings()
        make_at(folder, lambda aside, tell: make_decoder(settings, SEED, ENCODER, aside, tell))
    return folder if folder.is_dir() else None, ENCODER


def make_at(folder: Path, make: Callable[[Path, Progress], None]) -> None:
    """Make a model in a folder, all of it or nothing, with a bar, on one thread of the CPU.

    Args:
        folder: must not be there yet.
        make: writes the model into the folder that it is given, and tells how far it is.
    """
    import torch  # noqa: PLC0415 - seconds, for those who make one

    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # bits depend on how many
    try:
        with _bar(f"Making {folder.name}") as tell:
            make(aside, tell)
        aside.chmod(0o755)
        if not folder.is_dir():  # another process may have been faster
            aside.rename(folder)
    finally:
        torch.set_num_threads(threads)
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _bar(says: str) -> Iterator[Progress]:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    with Bar(console=Console(stderr=True)) as bar:
        task = bar.add_task(says)
        yield lambda done, steps: bar.update(task, completed=done, total=steps)
