"""A run on disk: its folder, checkpoints, environment, metrics and sample images."""
