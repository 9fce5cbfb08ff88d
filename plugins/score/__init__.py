"""Scores: numbers for how near generated images are to real ones.  pixels, features → floats.

Each looks at the summaries of two sets of images, F generated and R real, or at those of a third: the images that the
generator was trained on. All is computed in float64. None is a judgement by itself: it depends on the extractor, on how
many images there are, and on which; the engine writes these into its name, and beside it what real images get.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from dcgan_kit import Component, Gathering, Score, ScoreInputs, component, hookimpl

Neighbours = Annotated[
    int, Field(ge=1, le=100, description="which nearest neighbour a ball reaches to, itself not counted")
]
Bins = Annotated[
    int | None,
    Field(ge=2, le=1000, description="clusters; null: one for every 20 real images, 2 at least and 100 at most"),
]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1, description="of the start of k-means")]

IMAGES_A_BIN = 20
MOST_BINS = 100
"""As Richardson, Weiss 2018 have, with 50,000 images and more."""


@component("score")
def frechet() -> Score:
    """Measure the Fréchet distance of normal laws fitted to features (FD; FID with Inception's).  features → [0, ∞).

    fd = norm(m_F - m_R)² + Tr(S_F + S_R - 2 (S_F S_R)^½), with means m and covariances S (divided by N - 1)

    Units are those of the features squared. It is biased: two sets of one law have about D² / 2N for D features of
    variance 1, so that only equal numbers of images compare. Below 5,000 images prefer ``kid``.

    Raises:
        ValueError: fewer than two images.

    Heusel et al. 2017, arXiv 1706.08500; its bias: Chong, Forsyth 2020, arXiv 1911.07023
    """
    from dcgan_kit_plugins.score.distances import frechet_distance
    from dcgan_kit_plugins.score.feature_accumulators import Moments

    def compare(sides: ScoreInputs) -> dict[str, float]:
        return {"fd": frechet_distance(sides.fake, sides.reference)}

    return Score(Gathering("moments", Moments), compare, {"fd": "lower"})


@component("score")
def kid(
    *, block: Annotated[int, Field(ge=2, le=10_000, description="images of each side that are compared at once")] = 1000
) -> Score:
    """Measure the kernel distance of features, without bias (KID).  features → about 0 for equal laws, ∞.

    kid = mean over blocks of the unbiased MMD², with kernel (x·y / D + 1)³; it may be negative
    kid_error: the standard error of that mean, if there are two blocks or more; of a few it is a rough one

    Raises:
        ValueError: fewer than two images for a block.

    Bińkowski et al. 2018, arXiv 1801.01401
    """
    from dcgan_kit_plugins.score.distances import kernel_distance
    from dcgan_kit_plugins.score.feature_accumulators import in_float64

    def compare(sides: ScoreInputs) -> dict[str, float]:
        distance, error = kernel_distance(*in_float64(sides.fake, sides.reference), block)
        return {"kid": distance} if error is None else {"kid": distance, "kid_error": error}

    return Score(_all_features(), compare, {"kid": "lower", "kid_error": "neither"})


@component("score")
def precision_recall(*, k: Neighbours = 3) -> Score:
    """Ask which fakes lie among the real images (precision), and the other way round (recall).  features → [0, 1].

    precision: share of F within any ball of R;  recall: share of R within any ball of F
    A ball reaches from an image to the k-th nearest other one of its own set, and its surface belongs to it.

    A real image far from all others has a ball that takes in much of the space, and precision with it: ``density``
    counts balls instead.

    Raises:
        ValueError: k images or fewer.

    Kynkäänniemi et al. 2019, arXiv 1904.06991
    """
    from dcgan_kit_plugins.score.feature_accumulators import in_float64
    from dcgan_kit_plugins.score.neighbours import manifolds

    def compare(sides: ScoreInputs) -> dict[str, float]:
        found = manifolds(*in_float64(sides.reference, sides.fake), k)
        return {"precision": found.precision, "recall": found.recall}

    return Score(_all_features(), compare, {"precision": "higher", "recall": "higher"})


@component("score")
def density_coverage(*, k: Neighbours = 5) -> Score:
    """Count the real images' balls that fakes lie in (density), and those that hold one (coverage).  features → [0, ∞).

    density: balls of R around a fake, on the mean, of k;  coverage: share of R with a fake in its ball
    A ball reaches from a real image to the k-th nearest other one. Its surface does not belong to it, unlike that of
    ``precision_recall``. So the ball of an image that occurs k + 1 times is empty.

    Equal laws have density 1, and coverage 1 - Π_{i<k} (N - 1 - i) / (N + M - 1 - i) for N real images and M fakes.
    Density above 1 says that fakes crowd where real images are dense.

    Raises:
        ValueError: k images or fewer.

    Naeem et al. 2020, arXiv 2002.09797; balls without surface: github.com/clovaai/generative-evaluation-prdc
    """
    from dcgan_kit_plugins.score.feature_accumulators import in_float64
    from dcgan_kit_plugins.score.neighbours import manifolds

    def compare(sides: ScoreInputs) -> dict[str, float]:
        found = manifolds(*in_float64(sides.reference, sides.fake), k)
        return {"density": found.density, "coverage": found.coverage}

    return Score(_all_features(), compare, {"density": "floor", "coverage": "higher"})


@component("score")
def classifier_score() -> Score:
    """Ask whether each fake is of a clear class, and all classes are there (inception score).  probabilities → [1, K].

    exp(mean KL(p(y|x) ‖ mean p(y|x))) over all images at once; 1: all alike or undecided, K: sure, and evenly spread

    It looks at fakes alone: K images, one of each class, would be perfect.

    Salimans et al. 2016, arXiv 1606.03498; what it misses: Barratt, Sharma 2018, arXiv 1801.01973
    """
    from dcgan_kit_plugins.score.classes import ClassShares, inception_score

    def compare(sides: ScoreInputs) -> dict[str, float]:
        return {"classifier_score": inception_score(sides.fake)}

    return Score(Gathering("class_shares", ClassShares, "probabilities"), compare, {"classifier_score": "higher"})


@component("score")
def spectrum() -> Score:
    """Compare power spectra: what is too smooth or too rough shows at high frequencies.  pixels → dB.

    spectrum_db: root mean square of 10 log10(power of F / power of R) over rings of frequencies
    high_band_db: mean of the same over the highest quarter, with its sign: below 0, detail is missing

    Power is that of Hann-windowed images, and never taken below what rounding to grey levels leaves. Where real images
    have hardly any power, a small fault is many dB.

    Durall et al. 2020, arXiv 2003.01826
    """
    from dcgan_kit_plugins.score.power_spectrum import high_band, radial_difference

    def compare(sides: ScoreInputs) -> dict[str, float]:
        differences = radial_difference(sides.fake, sides.reference)
        return {
            "spectrum_db": float((differences**2).mean() ** 0.5),
            "high_band_db": float(high_band(differences).mean()),
        }

    return Score(_power(), compare, {"spectrum_db": "lower", "high_band_db": "floor"})


@component("score")
def checkerboard() -> Score:
    """Look for patterns that repeat every 2, 4, 8 or 16 pixels.  pixels → powers of ten.

    checkerboard_P = checkerboard_index_P of F less that of R, as the probe ``checkerboard`` has it:
    checkerboard_index_P = log10(mean power S at (iH/P, jW/P) / mean of the medians of S at distances 2 and 3 from each)
    over the frequencies that no divisor of P has; beside one on an axis, along the axis

    0.2 is a pattern of about 1 % of the images' contrast, 1 one of 5 %, where images are as smooth as photographs. A
    radial spectrum misses them. Periods that do not divide height and width, or are above a quarter of them, are left
    out.

    The pattern and where it comes from: Odena et al. 2016, distill.pub/2016/deconv-checkerboard
    """
    from dcgan_kit_plugins.score.power_spectrum import PERIODS, checkerboard_difference

    def compare(sides: ScoreInputs) -> dict[str, float]:
        differences = checkerboard_difference(sides.fake, sides.reference)
        return {f"checkerboard_{period}": value for period, value in differences.items()}

    return Score(_power(), compare, {f"checkerboard_{period}": "floor" for period in PERIODS})


@component("score")
def ndb(*, bins: Bins = None, seed: Seed = 0) -> Score:
    """Count the clusters of real images that fakes fill otherwise (NDB), and how much (JS).  features → [0, 1].

    ndb: share of the bins whose shares differ at the 5 % level of a two-proportion z-test
    js: Jensen-Shannon divergence of the two histograms, in bits

    Bins are the k-means clusters of R. More images find smaller differences: compare equal numbers. Published with raw
    pixels; here with features.

    Raises:
        ValueError: fewer real images than bins.

    Richardson, Weiss 2018, arXiv 1805.12462
    """
    from dcgan_kit_plugins.score import clusters
    from dcgan_kit_plugins.score.feature_accumulators import in_float64

    def compare(sides: ScoreInputs) -> dict[str, float]:
        fake, real = in_float64(sides.fake, sides.reference)
        count = max(2, min(MOST_BINS, len(real) // IMAGES_A_BIN)) if bins is None else bins
        if len(real) < count:
            raise ValueError(f"{count} bins need as many real images at least. Received: {len(real)}")
        centres = clusters.centres(real, count, seed)
        p, q = clusters.shares(fake, centres), clusters.shares(real, centres)
        different = clusters.different_bins(p, len(fake), q, len(real))
        return {"ndb": different, "js": clusters.jensen_shannon(p, q)}

    return Score(_all_features(), compare, {"ndb": "lower", "js": "lower"})


@component("score")
def memorization() -> Score:
    """Ask whether fakes are nearer to training images than held-out ones are.  features → [0, ∞), z.

    memorization_ratio: median distance of F from the nearest training image / the same of R
    memorization_z: Mann-Whitney's z of the two sets of distances; below -5, with a ratio below 0.9, images are copied

    Both look at features: a copy that was shifted or recoloured counts as far as the extractor sees no difference.
    Fakes that are simply bad are far from everything, and look original.

    Meehan et al. 2020, arXiv 2004.05675
    """
    from dcgan_kit_plugins.score.feature_accumulators import in_float64
    from dcgan_kit_plugins.score.training_distance import memorized

    def compare(sides: ScoreInputs) -> dict[str, float]:
        if sides.training is None:
            raise ValueError("the training images are needed")
        ratio, z = memorized(*in_float64(sides.fake, sides.reference, sides.training))
        return {"memorization_ratio": ratio, "memorization_z": z}

    def warn(numbers: Mapping[str, float]) -> str:
        ratio, z = numbers["memorization_ratio"], numbers["memorization_z"]
        # z grows with the number of images, and would tell of differences that do not matter.
        if z >= -5.0 or ratio >= 0.9:
            return ""
        return f"memorized: images are {ratio:.2f} times as far from training images as held-out ones are (z {z:.1f})"

    better = {"memorization_ratio": "floor", "memorization_z": "floor"}
    return Score(_all_features(), compare, better, needs_training=True, warn=warn)


def _all_features() -> Gathering:
    from dcgan_kit_plugins.score.feature_accumulators import KeptFeatures

    return Gathering("features", KeptFeatures)


def _power() -> Gathering:
    from dcgan_kit_plugins.score.power_spectrum import Power

    return Gathering("power", Power, "pixels")


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every score."""
    return [
        frechet,
        kid,
        precision_recall,
        density_coverage,
        classifier_score,
        spectrum,
        checkerboard,
        ndb,
        memorization,
    ]
