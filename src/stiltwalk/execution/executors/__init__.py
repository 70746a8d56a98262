"""Who carries out stages: this process, or a Ray cluster."""
