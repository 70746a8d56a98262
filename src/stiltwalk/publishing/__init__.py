"""What leaves a workspace: answers in XTREME's layout, checkpoints with a model card."""
