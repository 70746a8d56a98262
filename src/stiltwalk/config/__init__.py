"""The recipe: what a run is asked to do, frozen and validated."""

from stiltwalk.config.reading import parse_recipe, read_recipe
from stiltwalk.config.recipe import Recipe, TrainSettings

__all__ = ["Recipe", "TrainSettings", "parse_recipe", "read_recipe"]
