"""Two files from one file of images: one to train with, and one to compare with.

    python benchmarks/split_images.py openclipart64.npz --real 1584        # writes train.npz and real.npz

For images that have no test set: tuning.py and quality.py take the files as --data and --real. tuning.py uses the first
half of real.npz, and quality.py the second, so 1,584 images are 792 for each. Remove copies before. The images are
shuffled, always in the same way, so that neither file has only the last folders.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np


def split(arrays: dict[str, np.ndarray], real: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the images x, and the labels y if there are any, of both files."""
    order = np.random.default_rng(0).permutation(len(arrays["x"]))
    first, last = order[: len(order) - real], order[len(order) - real :]
    names = [name for name in ("x", "y") if name in arrays]
    return {name: arrays[name][first] for name in names}, {name: arrays[name][last] for name in names}


def main() -> None:
    """Read the file and write the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--real", type=int, required=True, help="number of images to compare with")
    parser.add_argument("--folder", type=Path, default=Path(), help="default: the current folder")
    arguments = parser.parse_args()
    with np.load(arguments.file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    if not 0 < arguments.real < len(arrays["x"]):
        parser.error(f"--real: between 1 and {len(arrays['x']) - 1}. Received: {arguments.real}")
    for name, part in zip(("train", "real"), split(arrays, arguments.real), strict=True):
        np.savez_compressed(arguments.folder / f"{name}.npz", **part)
        print(f"{name}.npz: {len(part['x']):,} images")


if __name__ == "__main__":
    main()
