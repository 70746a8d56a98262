"""From a recipe to a graph of frozen stages, without doing any of it."""

from stiltwalk.plan.graph import Plan, build_plan
from stiltwalk.plan.stages import Stage, fingerprint, parents

__all__ = ["Plan", "Stage", "build_plan", "fingerprint", "parents"]
