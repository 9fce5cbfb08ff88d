"""The adversarial step, the loop around it, checkpoints and the run folder."""
