"""A model that computes no numbers ends its stage, not its score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from stiltwalk.errors import NotFinite
from stiltwalk.stages import predict_run
from walking import SHORT, Walked


def test_stage_language_and_row_are_named(
    short: Walked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = short.copied(tmp_path)
    stage = own.named("Predict")[0]
    (own.workspace / "stages" / stage / "complete.json").unlink()
    plain = predict_run.load_predictor

    def broken(*given: Any) -> Any:  # noqa: ANN401
        predictor = plain(*given)
        with torch.no_grad():
            predictor.engine.model.get_input_embeddings().weight[:] = torch.nan
        return predictor

    monkeypatch.setattr(predict_run, "load_predictor", broken)
    sentence = r"^(de|en|zh), row 'udpos-\d+': What the model computes is not finite"
    with pytest.raises(NotFinite, match=sentence) as caught:
        own.again(*SHORT)
    assert "predict udpos in 3 languages" in " ".join(caught.value.__notes__)
