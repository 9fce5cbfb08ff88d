"""A large data set is decoded once, and never lies in memory as a whole."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile

import pytest
from PIL import Image

IMAGES, MEGABYTES = 40_000, 491
"""As many images of 64x64x3, and what their pixels take."""
READING = f"""
import resource, sys
from dcgan_kit import ImageSpec
from dcgan_kit_plugins import data
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
images = data.image_zip(ImageSpec(64, 64, 3), path=sys.argv[1])
assert images.pixels.shape == ({IMAGES}, 64, 64, 3) and len(images.skipped) == 0
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.slow
def test_forty_thousand_colour_images_load_in_bounded_memory(tmp_path):
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (10, 200, 30)).save(stream, "PNG")
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(IMAGES):
            archive.writestr(f"{number:06}.png", stream.getvalue())
    process = subprocess.run(
        [sys.executable, "-c", READING, str(tmp_path / "many.zip")], stdout=subprocess.PIPE, text=True, check=True,
        env={**os.environ, "DCGAN_KIT_CACHE": str(tmp_path / "cache")}, timeout=600,
    )  # fmt: skip
    grown = float(process.stdout)
    assert grown < MEGABYTES / 4, f"reading took {grown:.0f} MB"
