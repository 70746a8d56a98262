"""The stages of a run: what each depends on, what it costs, what it does."""
