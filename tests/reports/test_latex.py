"""Tests for stiltwalk.tables.latex: what a paper takes in."""

import re
from dataclasses import replace

import pytest
from synthetic import make_run

from compared import compared
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import findings
from stiltwalk.reports.sections import run_report
from stiltwalk.reports.write import latex

NASTY = r"50% \input{x} & $a_1$ #~^ {"
COMPARED = (
    compared(NASTY, 1.0, "EQUIVALENT", quality=0.82),
    compared("lora", 1.25, "SLOWER", quality=0.81),
)


def tables(run: RunRows) -> str:
    return latex(run_report(findings(run)))


@pytest.fixture(scope="module")
def timed() -> str:
    run = make_run(arms=("none", "all", NASTY), targets=("pawsx", "xquad"))
    return tables(replace(run, comparisons=COMPARED))


def test_every_table_is_a_whole_one_of_booktabs(timed: str) -> None:
    for rule in ("toprule", "midrule", "bottomrule", "begin{tabular}", "end{tabular}"):
        assert timed.count(f"\\{rule}") == timed.count(r"\begin{table*}") == 7 + 2 * 2 + 1, rule
    for columns, table in re.findall(
        r"\\begin\{tabular\}\{([^\n]*)\}\n(.*?)\\end\{tabular\}", timed, re.DOTALL
    ):
        lines = [line for line in table.splitlines() if line.endswith(r"\\")]
        width = len(re.findall(r"p\{.*?linewidth\}|[lr]", columns))
        assert {len(re.findall(r"(?<!\\)&", line)) + 1 for line in lines} == {width}


def test_it_can_be_compiled(timed: str) -> None:
    """No engine is at hand everywhere, so what an engine stumbles over is looked for."""
    text = "\n".join(line for line in timed.splitlines() if line[:1] != "%")
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(.*?)\}", text):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert not opened
    bare = re.sub(r"\\[\\{}&%$#_]", "", text)  # what is left is meant as LaTeX
    depth = 0
    for sign in bare:
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0
    assert bare.count("$") % 2 == 0
    assert not re.search(r"[#^~]", bare)
    assert not re.search(r"_(?!\w*\})", bare)  # an underscore outside a label
    assert not re.search(r"%(?!\n)", bare)
    known = "begin end caption label toprule midrule bottomrule centering small resizebox width "
    known += "linewidth ifdim else fi textbackslash textasciicircum textasciitilde pm approx "
    known += "rightarrow bullet circ"
    assert set(re.findall(r"\\([a-zA-Z]+)", bare)) <= set(known.split())


def test_verdicts_intervals_and_per_are_there(timed: str) -> None:
    verdict = r"xnli & SingleStream p50 latency (below 1 is faster) & SLOWER & 1.250 & "
    assert verdict + r"1.240 to 1.260 & 3 \%" in timed
    assert "PER, exact" in timed
    assert "delayed by 5" in timed


def test_the_text_of_a_recipe_stays_text() -> None:
    run = make_run(arms=("none", NASTY), targets=("pawsx",), title=f"{NASTY}\n\\end{{document}}")
    text = tables(replace(run, limited=NASTY))
    assert r"50\% \textbackslash{}input\{x\} \& \$a\_1\$ \#\textasciitilde{}" in text
    code = [line for line in text.splitlines() if not line.startswith("%")]
    assert not any("end{document}" in line or r"\input{" in line for line in code)


def test_signs_come_as_commands() -> None:
    text = tables(make_run(targets=("pawsx", "xquad"), seeds=(1, 2)))
    assert r"$\pm$" in text
    assert r"$\approx$" in text
    assert text.isascii()
