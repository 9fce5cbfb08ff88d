"""Scores: judge generated images by comparing them with real ones."""

import numpy
from dcgan_kit import Gathering, Score, component


class Mean:
    """Keeps the mean grey level of a set of images."""

    def __init__(self):
        self.sum, self.count = 0.0, 0

    def add(self, pixels, description):
        self.sum += float(pixels.sum(dtype=numpy.float64))
        self.count += pixels.size

    def summary(self):
        return {"mean": numpy.array(self.sum / self.count)}


@component("score")
def grey_level():
    """Compare mean grey levels.  pixels → grey levels from 0 to 255."""

    def compare(inputs):
        return {"grey_level": float(inputs.fake["mean"] - inputs.reference["mean"])}

    return Score(Gathering("mean", Mean, sees="pixels"), compare, {"grey_level": "floor"})
