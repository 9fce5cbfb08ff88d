"""Probes of the networks during training and of checkpoints, and the health line."""
