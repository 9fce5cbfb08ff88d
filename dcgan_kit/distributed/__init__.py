"""Devices and workers that share a training: strategies, clusters, SLURM, local workers."""
