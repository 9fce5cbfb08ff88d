"""Files of samples: a grid of all images, and each image in its own file."""

from dcgan_kit.runs.sample_images import require_sample_files, write_samples

__all__ = ["require_sample_files", "write_samples"]
