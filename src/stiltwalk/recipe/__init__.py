"""The recipe: what a run is asked to do, frozen and validated."""
