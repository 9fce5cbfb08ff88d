"""Train the network of the extractor ``fashion_reconstruction``; write plugins/extractor/fashion_reconstruction.npz.

Usage: python scripts/train_fashion_reconstruction.py TRAIN_IMAGES

TRAIN_IMAGES is the file train-images-idx3-ubyte.gz of Fashion-MNIST, with 60,000 images. The 4,000 images of the data
set ``fashion_mnist_4k`` are among them, and are left out. So the network has seen neither the images on which recipes
train, nor those that evaluations hold out, nor the 10,000 test images. It trains on the other 56,000 images for 10,000
batches of 64. This took nine and a half minutes of processor time.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import numpy as np
from dcgan_kit_plugins import data
from dcgan_kit_plugins.extractor import FASHION_RECONSTRUCTION_WEIGHTS, FASHION_SHAPE
from dcgan_kit_plugins.extractor.reconstruction import trained

from dcgan_kit import ImageSpec

STEPS = 10_000
SEED = 0
HEADER = 16
"""Bytes before the pixels in an IDX file with three dimensions."""


def main() -> None:
    """Write the weights, and print their number and the error of the reconstruction."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, metavar="TRAIN_IMAGES")
    content = gzip.decompress(parser.parse_args().images.read_bytes())
    pixels = np.frombuffer(content, np.uint8, offset=HEADER).reshape(-1, *FASHION_SHAPE)
    embedded = {image.tobytes() for image in data.fashion_mnist_4k(ImageSpec(*FASHION_SHAPE)).pixels}
    others = pixels[[image.tobytes() not in embedded for image in pixels]]
    weights, error = trained(others, STEPS, SEED)
    folder = Path(__file__).resolve().parent.parent / "plugins" / "extractor"
    file = folder / FASHION_RECONSTRUCTION_WEIGHTS
    # float16 rounds a weight by 0.05 % at most, and halves the file.
    np.savez_compressed(file, **{name: value.astype(np.float16) for name, value in weights.items()})
    count = sum(value.size for value in weights.values())
    print(f"{len(others):,} images, mean squared error {error:.4f}; {count:,} weights, {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
