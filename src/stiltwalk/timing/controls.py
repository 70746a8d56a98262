"""Controls of a measuring session: what an instrument must see before its verdicts count."""

from __future__ import annotations

from dataclasses import dataclass

from stiltwalk.timing.correlation import effective_number
from stiltwalk.timing.sample_size import MOST_BLOCKS, resolvable_margin
from stiltwalk.timing.tost import Judged, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Controls:
    """What the instrument said about differences that are known.

    `aa` compares a model with itself under two names; `delay_5` and `delay_2` compare it with
    itself delayed by 5 % and 2 % of its time. The last is only reported.
    """

    aa: Judged
    delay_5: Judged
    delay_2: Judged

    @property
    def why_void(self) -> tuple[str, ...]:
        """Why no verdict of this session counts, a sentence each; empty if all is well."""
        wrong = []
        if self.aa.verdict is not Verdict.EQUIVALENT:
            wrong.append(
                f"One model under two names did not come out as EQUIVALENT, but {self.aa}."
            )
        if self.delay_5.verdict is not Verdict.SLOWER:
            wrong.append(f"A delay of 5 % did not come out as SLOWER, but {self.delay_5}.")
        return tuple(wrong)

    @property
    def resolvable(self) -> float:
        """The smallest margin that this machine can show equality within, a fraction."""
        worth = effective_number(MOST_BLOCKS, self.aa.correlation)
        return resolvable_margin(self.aa.spread, worth)
