"""Tests for stiltwalk.report.latex: what a paper takes in."""

import re
from dataclasses import replace

from synthetic import make_run

from stiltwalk.report.findings import findings
from stiltwalk.report.latex import latex
from stiltwalk.report.rows import RunRows

NASTY = r"50% \input{x} & $a_1$ #~^ {"


def tables(run: RunRows) -> str:
    return latex(findings(run))


def test_every_table_is_a_whole_one_of_booktabs() -> None:
    text = tables(make_run(arms=("none", "all"), targets=("pawsx", "xquad")))
    for rule in ("toprule", "midrule", "bottomrule", "begin{tabular}", "end{tabular}"):
        assert text.count(f"\\{rule}") == text.count(r"\begin{table*}") == 5 + 1, rule
    for table in re.findall(r"\\begin\{tabular\}.*?\\end\{tabular\}", text, re.DOTALL):
        lines = [line for line in table.splitlines() if line.endswith(r"\\")]
        assert len({line.count(" & ") for line in lines}) == 1


def test_the_text_of_a_recipe_stays_text() -> None:
    run = make_run(arms=("none", NASTY), targets=("pawsx",), title=f"{NASTY}\n\\end{{document}}")
    text = tables(replace(run, limited=NASTY))
    assert r"50\% \textbackslash{}input\{x\} \& \$a\_1\$ \#\textasciitilde{}" in text
    code = [line for line in text.splitlines() if not line.startswith("%")]
    assert not any("end{document}" in line or r"\input{" in line for line in code)


def test_signs_come_as_commands() -> None:
    text = tables(make_run(seeds=(1, 2)))
    assert r"$\pm$" in text
    assert r"$\approx$" in text
    assert text.isascii()
