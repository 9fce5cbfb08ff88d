"""Train the classifier of the extractor ``fashion_classifier``, and write plugins/extractor/fashion_classifier.npz.

Usage: python scripts/train_fashion_classifier.py [--check]

The classifier trains on all 4,000 images of the data set ``fashion_mnist_4k`` for 3,000 batches of 64. This takes about
two minutes on two cores. With ``--check`` the script writes nothing: it trains four classifiers on three quarters of
the images each, and prints their accuracy on the unseen quarter.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from dcgan_kit_plugins import data
from dcgan_kit_plugins.extractor import FASHION_SHAPE, FASHION_WEIGHTS
from dcgan_kit_plugins.extractor.classifier import describing, trained

from dcgan_kit import ImageSpec

STEPS = 3000
SEED = 0
CLASSES = 10
FOLDS = 4


def main() -> None:
    """Write the weights, or print the accuracy of such classifiers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; print the accuracy on unseen images")
    images = data.fashion_mnist_4k(ImageSpec(*FASHION_SHAPE))
    if parser.parse_args().check:
        for fold in range(FOLDS):
            unseen = np.arange(len(images)) % FOLDS == fold
            weights = trained(images.pixels[~unseen], images.labels[~unseen], CLASSES, STEPS, SEED)
            described = describing(weights, FASHION_SHAPE)(images.pixels[unseen])
            right = described.probabilities.argmax(axis=1) == images.labels[unseen]
            print(f"quarter {fold + 1}: {right.mean():.3f} of {len(right)} unseen images right")
        return
    weights = trained(images.pixels, images.labels, CLASSES, STEPS, SEED)
    file = Path(__file__).resolve().parent.parent / "plugins" / "extractor" / FASHION_WEIGHTS
    # float16 rounds a weight by 0.05 % at most, and halves the file.
    np.savez_compressed(file, **{name: value.astype(np.float16) for name, value in weights.items()})
    print(f"{file}: {sum(value.size for value in weights.values()):,} weights, {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
