"""What a chart of a score shows, and what is good: one caption for each number that a built-in score gives.

Directions, floors and names of protocols stand in the charts themselves: a plugin's score says them too.
"""

from __future__ import annotations

import re

_CAPTIONS = {
    "fd": "Fréchet distance between the features of samples and of real images. Good: it falls towards the line of "
    "real images. A rise after a fall often is a collapse.",
    "kid": "Kernel distance between the features of samples and of real images. Good: it falls towards the line of "
    "real images, which is near 0.",
    "kid_error": "Standard error of the kernel distance. It judges nothing: smaller differences of that score are "
    "noise.",
    "precision": "Share of samples that lie among real images. Good: it rises to the line of real images. It stays "
    "high in a collapse, so read it beside recall.",
    "recall": "Share of real images that lie among samples. Good: it rises to the line of real images. A fall is a "
    "loss of variety.",
    "density": "How many real images a sample has around it. Good: near the line of real images. Far above it, "
    "samples crowd where real images are most alike.",
    "coverage": "Share of real images with a sample near them. Good: it rises to the line of real images. A fall "
    "is a loss of variety.",
    "classifier_score": "How clear and how varied the classes of samples are. Good: it rises to the line of real "
    "images. It does not see copies within a class.",
    "spectrum_db": "Difference between the power spectra of samples and of real images. Good: it falls towards the "
    "line of real images.",
    "high_band_db": "Power of fine details in samples, compared with real images. Good: near the line of real "
    "images. Below it, samples are too smooth; above it, noisy.",
    "swd": "Distance between small patches of samples and of real images, at each scale. Good: it falls towards the "
    "line of real images. It does not see contrast.",
    "ndb": "Share of clusters of real images that samples fill too much or too little. Good: it falls towards the "
    "line of real images. A jump is a collapse to a few clusters.",
    "js": "Divergence between how samples and real images fill clusters. Good: it falls towards the line of real "
    "images.",
    "memorization_ratio": "Distance of samples to training images, compared with held-out images. Good: near the "
    "line of real images. Far below it, the generator copies training images.",
    "memorization_z": "Test of whether samples are nearer to training images than held-out images are. Good: near "
    "the line of real images. Far below it, the generator copies training images.",
    "checkerboard": "A pattern that repeats at this period, in powers of ten. Good: near the line of real images. "
    "Above it, upsampling leaves a checkerboard.",
}
_UNKNOWN = {
    "lower": "Good: it falls towards the line of real images.",
    "higher": "Good: it rises towards the line of real images.",
    "floor": "Good: it comes near to the line of real images.",
    "neither": "It judges nothing by itself.",
    "": "Good: it comes near to the line of real images, if there is one.",
}
_PERIOD = re.compile(r"_\d+$")


def score_caption(name: str, better: str = "") -> str:
    """Return what a chart of a score shows and what is good.

    Args:
        name: the name of the number, without its protocol, such as ``fd``.
        better: which way it improves, as a score says it; empty if unknown. It is used for scores of plugins.
    """
    return _CAPTIONS.get(_PERIOD.sub("", name)) or f"A score of samples. {_UNKNOWN.get(better, _UNKNOWN[''])}"
