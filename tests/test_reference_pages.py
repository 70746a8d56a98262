"""The generated pages of the documentation say what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_reference_is_what_the_code_says(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, 'scripts'); import reference; from pathlib import Path\n"
        "for name, page in reference.PAGES.items():\n"
        "    (Path(sys.argv[1]) / name).write_text(page(), encoding='utf-8')"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=True)  # noqa: S603
    for page in tmp_path.iterdir():
        kept = (ROOT / "docs" / "reference" / page.name).read_text(encoding="utf-8")
        assert page.read_text(encoding="utf-8") == kept, "run scripts/reference.py"
