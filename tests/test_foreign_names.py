"""No name that somebody else wrote becomes a path unchecked, and nothing is unpickled."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "stiltwalk"
PLACES = re.compile(r"(?<![a-z])(folder|path|root|aside|where|mirror|source|refs|snapshots|home)")
CHECKED = re.compile(r"^(contained|below)\(|\bbelow\(")
OWN = {
    "data/bucc.py": {"folder / 'bucc2018' / f'{language}-en'", "folder / f'{language}-en'"},
    "data/by_language.py": {"where.folder / f'{language}.txt'"},  # a code of languages.py
    "data/ccg.py": {"folder / f'{split}.{ending}'"},
    "data/hub.py": {
        "Path(source).expanduser() / repository",  # the task's own, or the recipe's
        "folder / inside",
        "refs / branch",
        "self.path / name",  # found by walking the folder
        "snapshots / name",  # in the user's own cache
    },
    "data/mewslix.py": {"folder / name"},  # the data set's own
    "data/xtreme_files.py": {
        "folder / task / f'{split}-{language}.{form.ending}'",
        "folder / task",
    },
    "execution/compare.py": {  # what the user calls the models, spelled out; task types
        "asked.workspace.root / COMPARISONS / re.sub('[^A-Za-z0-9._-]+', '-', words)",
        "self._aside / f'{place}-{task.task_type}-{len(task.labels)}'",
    },
    "timing/attempts.py": {"store.root / 'attempts' / f'{key}.blocks'"},  # a checksum
    "features/cache.py": {"folder / f'{digest[:16]}.arrow'"},
    "features/prompts.py": {"folder / name"},  # of a list of ours
    "inference/engines/__init__.py": {"root / sha256(key.encode()).hexdigest()[:16]"},
    "inference/engines/trial.py": {"aside / name"},  # of an engine
    "inference/backends/vllm.py": {"folder / adapters.CONFIG"},
    "mini_base/decoder.py": {"folder / name"},  # of a list of ours
    "models/adapters.py": {"Path(aside) / file.name"},
    "models/checkpoint.py": {
        "aside / name",  # of a task
        "folder / adapters.CONFIG",
        "folder / file.relative_to(source)",
    },
    "models/locate.py": {"folder / needed"},  # of a list of ours
    "publishing.py": {"folder / submission"},  # checked where it was made
    "recipe/load.py": {"folder / Path(name).expanduser()", "folder / name"},  # the user's own
    "reports/samples.py": {"aside / file", "folder / file"},  # went through `below`
    "reports/write.py": {
        "folder / FIGURES / f'{figure.name}.png'",
        "folder / FIGURES / f'{figure.name}.svg'",
        "folder / name",  # of a list of ours
    },
    "stages/predict_run.py": {  # a checksum
        "context.workspace.root / 'asked' / f'{stage.fingerprint}.jsonl'"
    },
    "stages/train_run.py": {"source / checkpoint.head_file(stage.head_of)"},
    "store/remote.py": {
        "Path(home).expanduser() / 'stiltwalk' / 'workspaces' / key",  # a checksum
        "self.root / 'unsent' / _name(stage)",
    },
    "store/workspace.py": {"self.root / name"},  # of a list of ours
    "tasks/own.py": {"folder / name"},  # the user's own
    "tasks/sources.py": {"folder / files.repository"},
    "timing/duet.py": {"folder / name"},  # of a list of ours
    "training/checkpoint.py": {"aside / file.name"},
}
"""Joins of names that are the user's or ours, by file."""


def joins(tree: ast.AST) -> Iterator[str]:
    """Yield every join of a place with a name that is no constant and was not checked."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
            continue
        left, right = ast.unparse(node.left), ast.unparse(node.right)
        is_constant = isinstance(node.right, ast.Constant) or right.strip("_").isupper()
        if PLACES.search(left) and not is_constant and not CHECKED.search(right):
            yield ast.unparse(node)


def trees() -> Iterator[tuple[str, ast.AST]]:
    for file in sorted(SOURCE.rglob("*.py")):
        yield file.relative_to(SOURCE).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def test_every_other_join_of_a_foreign_name_is_found() -> None:
    tree = ast.parse("a = folder / record.name; b = root / below(name); c = root / 'x' / _LOCK")
    assert list(joins(tree)) == ["folder / record.name"]


def test_foreign_names_become_paths_through_one_door() -> None:
    found = {file: set(joins(tree)) for file, tree in trees() if file != "files.py"}
    assert {file: each for file, each in found.items() if each} == OWN


def test_nothing_but_our_own_processes_words_is_unpickled() -> None:
    called = {
        (file, ast.unparse(node.func))
        for file, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    loads = {"torch.load", "pickle.load", "pickle.loads", "np.load", "joblib.load", "marshal.load"}
    assert {each for each in called if each[1] in loads} == {("timing/attempts.py", "pickle.load")}
