"""From a recipe to finished stages: scheduling, executors, status, provenance."""
