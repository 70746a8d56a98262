"""What published scripts used per target, where it differs from `TrainSettings`' defaults.

Source: `xstilts` the scripts released with Phang et al. (2020), arXiv 2005.13013; `xtreme` those
of Hu et al. (2020), arXiv 2003.11080. These take 3e-5 for XNLI with XLM-R Large: set it there.
"""

from collections.abc import Mapping

Values = dict[str, int | float | str | None]

_XTREME: Values = {
    "learning_rate": 2e-5,
    "effective_batch_size": 32,
    "warmup_share": 0.0,
    "weight_decay": 0.0,
    "max_length_tokens": 128,
    "eval_rows": None,
}
_XTREME_QUESTIONS: Values = {
    **_XTREME,
    "learning_rate": 3e-5,
    "num_epochs": 3,
    "warmup_steps": 500,
    "weight_decay": 1e-4,
    "max_length_tokens": 384,
    "keep": "last",
}
_FEW_ROWS: Values = {"num_epochs": 20, "effective_batch_size": 16}
"""For SIB-200's 701 rows; neither paper trains on them."""

PRESETS: Mapping[str, Mapping[str, Values]] = {
    "xstilts": {
        "xnli": {"num_epochs": 2},
        "pawsx": {"num_epochs": 5},
        "udpos": {"num_epochs": 10},
        "panx": {"num_epochs": 10},
        "xquad": {"num_epochs": 2, "effective_batch_size": 16},
        "mlqa": {"num_epochs": 2, "effective_batch_size": 16},
        "tydiqa": {"num_epochs": 2, "effective_batch_size": 16},
        "sib200": _FEW_ROWS,
    },
    "xtreme": {
        "xnli": {**_XTREME, "num_epochs": 5},
        "pawsx": {**_XTREME, "num_epochs": 5},
        "udpos": {**_XTREME, "num_epochs": 10},
        "panx": {**_XTREME, "num_epochs": 10},
        "xquad": _XTREME_QUESTIONS,
        "mlqa": _XTREME_QUESTIONS,
        "tydiqa": _XTREME_QUESTIONS,
        "sib200": _XTREME | _FEW_ROWS,
    },
}
