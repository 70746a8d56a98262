"""Which Parquet files hold a split, in each of the layouts that data sets on the hub have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---", re.DOTALL)


def split_files(
    names: Sequence[str], read_card: Callable[[], str], config: str, split: str
) -> list[str]:
    """Return the files of one split, sorted; none if it is not there.

    The first that matches wins: the configuration's own folder, the data set card's `configs`,
    the folder `data` or the root of a data set with one configuration, and its only folder under
    another name (in the hub's automatic Parquet copy `plain_text` can be called `default`).

    Args:
        names: paths inside the data set, with forward slashes.
        read_card: gives the text of its README.md; called only where it matters.
        config: the configuration.
        split: the split, as the hub names it.
    """
    parquet = sorted(name for name in names if name.endswith(".parquet"))
    for patterns in _layouts(parquet, read_card, config, split):
        found = [name for name in parquet if any(fnmatchcase(name, one) for one in patterns)]
        if found:
            return found
    return []


def _layouts(
    parquet: Sequence[str], read_card: Callable[[], str], config: str, split: str
) -> Iterator[list[str]]:
    """Yield groups of patterns, the most certain first."""
    yield _in_folder(config, split)
    yield _from_card(read_card(), config, split)
    folders = {name.split("/")[0] for name in parquet if "/" in name}
    if len(folders) <= 1:
        yield [f"data/{split}-*.parquet", f"{split}-*.parquet", f"{split}.parquet"]
        yield from (
            _in_folder(folder, split) for folder in folders if _may_be_renamed(config, folder)
        )


def _in_folder(folder: str, split: str) -> list[str]:
    start = f"{_literal(folder)}/{split}"
    return [f"{start}-*.parquet", f"{start}/*.parquet", f"{start}.parquet"]


def _may_be_renamed(config: str, name: str) -> bool:
    """Tell whether an only configuration is the one asked for; one language is never another."""
    return config == name or "default" in {config, name}


def _literal(text: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", text)


def _from_card(card: str, config: str, split: str) -> list[str]:
    """Return the patterns that a data set card gives for a split."""
    configs = _card_configs(card)
    names = [config, *(configs if len(configs) == 1 else ())]
    known = [name for name in names if name in configs and _may_be_renamed(config, name)]
    return configs[known[0]].get(split, []) if known else []


@lru_cache(maxsize=16)
def _card_configs(card: str) -> dict[str, dict[str, list[str]]]:
    """Return configuration to split to patterns; a card in another form says nothing of files."""
    front = _FRONT_MATTER.match(card)
    if front is None:
        return {}
    import yaml  # type: ignore[import-untyped]

    try:
        return {
            config["config_name"]: {
                file["split"]: [file["path"]] if isinstance(file["path"], str) else file["path"]
                for file in config["data_files"]
            }
            for config in (yaml.safe_load(front.group(1)) or {}).get("configs") or []
        }
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        return {}
