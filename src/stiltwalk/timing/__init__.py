"""What a change costs at inference time: paired measurements, verdicts, where cost lies."""
