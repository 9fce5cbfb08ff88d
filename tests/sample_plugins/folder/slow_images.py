"""Images that take as long to read as the environment says: what a large data set on a slow disk is like."""

import os
import time

import numpy as np

from dcgan_kit import Images, component, hookimpl, report_progress


@component("data")
def slow_images(spec):
    """Return 64 images of noise.  → uint8 (64, H, W, C)"""
    until = time.monotonic() + float(os.environ.get("SAMPLE_PLUGIN_SLOW_IMAGES", "0"))
    while time.monotonic() < until:
        report_progress(1, 64)
        time.sleep(0.01)
    return Images(np.random.default_rng(0).integers(0, 256, (64, *spec.shape), np.uint8))


@hookimpl
def dcgan_kit_components():
    return [slow_images]
