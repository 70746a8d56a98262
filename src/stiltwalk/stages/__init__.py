"""What a recipe unfolds into: every stage is a file, which holds all about it."""

from stiltwalk.stages.compare_speed import Measure
from stiltwalk.stages.embed import Embed
from stiltwalk.stages.encoder import Base
from stiltwalk.stages.predict import Predict
from stiltwalk.stages.rate import Rate
from stiltwalk.stages.reference import Rules
from stiltwalk.stages.served import ServedBase
from stiltwalk.stages.soft_prompt import Prompt
from stiltwalk.stages.stage import Stage
from stiltwalk.stages.train import Train

STAGES: dict[str, type[Stage]] = {
    each.__name__: each
    for each in (Base, ServedBase, Train, Prompt, Embed, Rate, Predict, Rules, Measure)
}
"""By the name that a completion marker gives."""
