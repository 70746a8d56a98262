"""Run a tiny recipe at another commit and here, and demand equal answers, scores and documents.

Usage: .venv/bin/python scripts/same_results.py COMMIT
For changes that must change no result, such as moving code between rooms. Two minutes.
"""

from __future__ import annotations

import filecmp
import os
import subprocess
import sys
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

_MOST_LINES = 12
HERE = Path(__file__).resolve().parents[1]
RECIPE = """
name = "same"
seeds = [1, 2]
targets = ["xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba"]
languages = ["en", "de", "zh"]
controls = true
num_threads = 1
[model]
name = "mini-base"
[data]
source = "mini"
test_rows = 12
[arms]
none = []
mnli = ["mnli"]
mixed = ["squad_v2", "ccg", "commonsense_qa"]
[intermediate]
learning_rate = 1e-3
num_epochs = 1
max_rows = 48
max_length_tokens = 96
eval_rows = 8
[target]
learning_rate = 1e-3
num_epochs = 1
max_rows = 48
max_length_tokens = 96
eval_rows = 8
"""
DOCUMENTS = ("scores.csv", "claims.json")


def results(tree: Path, folder: Path) -> Path:
    """Run the recipe with a tree's code; return where its submission and documents are."""
    made = folder / "results"
    _stiltwalk(tree, "run", str(folder.parent / "same.toml"), "--workspace", str(folder / "work"))
    run = folder / "work" / "runs" / "same"
    _stiltwalk(tree, "export", str(run), str(made))
    for arm in sorted(made.iterdir()):
        for seed in [] if arm.name == "labels" else sorted(arm.iterdir()):
            scored = _stiltwalk(tree, "score", str(seed), str(made / "labels"), "--json")
            (seed / "score.json").write_text(scored, encoding="utf-8")
    for name in DOCUMENTS:
        (made / name).write_bytes((run / name).read_bytes())
    return made


def _stiltwalk(tree: Path, *words: str) -> str:
    own = {"PYTHONPATH": str(tree / "src"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "stiltwalk", *words]
    done = subprocess.run(  # noqa: S603 - our own program
        command, env=os.environ | own, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def _changed_lines(before: Path, after: Path) -> str:
    texts = [each.read_text(encoding="utf-8").splitlines(keepends=True) for each in (before, after)]
    return "".join(islice(unified_diff(*texts, n=0), _MOST_LINES))


def main() -> None:
    """Compare file by file."""
    with TemporaryDirectory() as aside:
        root = Path(aside)
        (root / "same.toml").write_text(RECIPE, encoding="utf-8")
        git = ["git", "-C", str(HERE), "worktree"]
        subprocess.run([*git, "add", "-q", "--detach", root / "tree", sys.argv[1]], check=True)  # noqa: S603
        try:
            before = results(root / "tree", root / "before")
        finally:
            subprocess.run([*git, "remove", "--force", root / "tree"], check=True)  # noqa: S603
        after = results(HERE, root / "after")
        names = {
            str(file.relative_to(top))
            for top in (before, after)
            for file in top.rglob("*")
            if file.is_file()
        }
        _, differ, lacking = filecmp.cmpfiles(before, after, sorted(names), shallow=False)
        for name in differ:
            sys.stdout.write(f"differs: {name}\n{_changed_lines(before / name, after / name)}")
        for name in lacking:
            sys.stdout.write(f"on one side alone: {name}\n")
        sys.stdout.write(f"{len(names) - len(differ) - len(lacking)} of {len(names)} files equal\n")
        sys.exit(1 if differ or lacking or not names else 0)


if __name__ == "__main__":
    main()
