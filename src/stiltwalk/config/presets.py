"""What published scripts used, per target, where it differs from `TrainSettings`' defaults.

Source: the scripts released with Phang et al. (2020), arXiv 2005.13013.
"""

from collections.abc import Mapping

XSTILTS: Mapping[str, Mapping[str, int | float]] = {
    "xnli": {"num_epochs": 2},
    "pawsx": {"num_epochs": 5},
    "udpos": {"num_epochs": 10},
    "panx": {"num_epochs": 10},
    "xquad": {"num_epochs": 2, "effective_batch_size": 16},
    "mlqa": {"num_epochs": 2, "effective_batch_size": 16},
    "tydiqa": {"num_epochs": 2, "effective_batch_size": 16},
}
