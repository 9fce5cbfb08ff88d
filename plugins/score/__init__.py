"""Scores: numbers for how close generated images are to real ones.  pixels, features → floats.

Each compares summaries of two sets of images: F generated ("fakes") and R real. Some also use a third set, the images
that the generator was trained on. All scores are computed in float64. A score depends on the extractor, on the number
of images and on their choice. So its name contains these, and dcgan-kit reports the floor next to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from dcgan_kit import Component, Gathering, Score, ScoreInputs, component, hookimpl

Neighbours = Annotated[
    int, Field(ge=1, le=100, description="a ball reaches to the k-th nearest neighbour, without the image itself")
]
Bins = Annotated[
    int | None,
    Field(ge=2, le=1000, description="number of clusters; null: one per 20 real images, from 2 to 100"),
]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1, description="seed of the start of k-means")]

IMAGES_A_BIN = 20
MOST_BINS = 100
"""As in Richardson, Weiss 2018, who use 50,000 images and more."""
FEWEST_FOR_MOMENTS = 1000
"""Smallest number of images of one class for ``frechet``: with fewer, its bias is larger than usual distances."""
FEWEST_FOR_SHARES = 100
"""Smallest number of images of one class for scores that are shares of images: with fewer, chance moves them by 0.1."""


@component("score")
def frechet() -> Score:
    """Compute the Fréchet distance of features (FD; with features of Inception: FID).  features → [0, ∞).

    fd = norm(m_F - m_R)² + Tr(S_F + S_R - 2 (S_F S_R)^½), with means m and covariances S (divided by N - 1)

    Its unit is that of the features squared. It is biased: two sets of N images from the same distribution have an fd
    of about D² / 2N, for D features of variance 1. So compare only scores of equally many images. Below 5,000 images,
    prefer ``kid``.

    Raises:
        ValueError: fewer than two images.

    Heusel et al. 2017, arXiv 1706.08500; its bias: Chong, Forsyth 2020, arXiv 1911.07023
    """
    from dcgan_kit_plugins.score.distances import frechet_distance
    from dcgan_kit_plugins.score.feature_accumulators import Moments

    def compare(sides: ScoreInputs) -> dict[str, float]:
        return {"fd": frechet_distance(sides.fake, sides.reference)}

    return Score(Gathering("moments", Moments), compare, {"fd": "lower"}, fewest_of_class=FEWEST_FOR_MOMENTS)


@component("score")
def kid(
    *, block: Annotated[int, Field(ge=2, le=10_000, description="largest number of images per side and block")] = 1000
) -> Score:
    """Compute the kernel distance of features, without bias (KID).  features → about 0 if equally distributed, to ∞.

    kid = mean over blocks of the unbiased MMD², with kernel (x·y / D + 1)³; it can be negative
    kid_error: standard error of that mean, if there are two blocks or more; with few blocks it is rough

    Raises:
        ValueError: a block has fewer than two images of a side.

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
    """Count the fakes close to real images (precision), and the reverse (recall).  features → [0, 1].

    precision: share of F within any ball of R;  recall: share of R within any ball of F
    A ball around an image reaches to the k-th nearest other image of the same set, and contains its surface.

    A real image far from all others has a very large ball, which makes precision too high. ``density_coverage`` counts
    balls instead.

    Raises:
        ValueError: a set has only k images or fewer.

    Kynkäänniemi et al. 2019, arXiv 1904.06991
    """
    from dcgan_kit_plugins.score.feature_accumulators import in_float64
    from dcgan_kit_plugins.score.neighbours import manifolds

    def compare(sides: ScoreInputs) -> dict[str, float]:
        found = manifolds(*in_float64(sides.reference, sides.fake), k)
        return {"precision": found.precision, "recall": found.recall}

    better = {"precision": "higher", "recall": "higher"}
    return Score(_all_features(), compare, better, fewest_of_class=FEWEST_FOR_SHARES)


@component("score")
def density_coverage(*, k: Neighbours = 5) -> Score:
    """Count the real images' balls around fakes (density), and the balls with a fake (coverage).  features → [0, ∞).

    density: mean number of balls of R that contain a fake, divided by k;  coverage: share of R with a fake in its ball
    A ball around a real image reaches to the k-th nearest other real image. Unlike in ``precision_recall``, it does not
    contain its surface. So if an image occurs k + 1 times, its ball is empty.

    Equally distributed sets have density 1, and coverage 1 - Π_{i<k} (N - 1 - i) / (N + M - 1 - i) for N real images
    and M fakes. Density above 1 means that fakes crowd where real images are dense.

    Raises:
        ValueError: a set has only k images or fewer.

    Naeem et al. 2020, arXiv 2002.09797; balls without surface: github.com/clovaai/generative-evaluation-prdc
    """
    from dcgan_kit_plugins.score.feature_accumulators import in_float64
    from dcgan_kit_plugins.score.neighbours import manifolds

    def compare(sides: ScoreInputs) -> dict[str, float]:
        found = manifolds(*in_float64(sides.reference, sides.fake), k)
        return {"density": found.density, "coverage": found.coverage}

    better = {"density": "floor", "coverage": "higher"}
    return Score(_all_features(), compare, better, fewest_of_class=FEWEST_FOR_SHARES)


@component("score")
def classifier_score() -> Score:
    """Compute how clear and how varied the classes of fakes are (inception score).  probabilities → [1, K].

    exp(mean KL(p(y|x) ‖ mean p(y|x))) over all images at once
    1: all images have the same class, or no clear class. K: each has a clear class, and all K are equally frequent.

    It uses only fakes. A generator that repeats K images, one per class, gets the best score.

    Salimans et al. 2016, arXiv 1606.03498; what it misses: Barratt, Sharma 2018, arXiv 1801.01973
    """
    from dcgan_kit_plugins.score.classes import ClassShares, inception_score

    def compare(sides: ScoreInputs) -> dict[str, float]:
        return {"classifier_score": inception_score(sides.fake)}

    gathering = Gathering("class_shares", ClassShares, "probabilities")
    # Images of a single class have no variety of classes.
    return Score(gathering, compare, {"classifier_score": "higher"}, fewest_of_class=None)


@component("score")
def spectrum() -> Score:
    """Compare power spectra; high frequencies show images that are too smooth or too rough.  pixels → dB.

    spectrum_db: root mean square of 10 log10(power of F / power of R) over rings of frequencies
    high_band_db: signed mean of the same over the highest quarter; below 0, detail is missing

    The images get a Hann window first. The power of rounding to grey levels is added, so no power is 0. Where real
    images have very little power, a small error gives many dB.

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

    checkerboard_P = checkerboard_index_P of F minus that of R, with the index of the probe ``checkerboard``:
    checkerboard_index_P = log10(mean power S at (iH/P, jW/P) / mean of the medians of S at distances 2 and 3 from each)
    over the frequencies that belong to no divisor of P. On an axis, the neighbours lie along that axis.

    For images as smooth as photographs, 0.2 is a pattern of about 1 % of the contrast, and 1 is a pattern of 5 %. A
    radial spectrum misses such patterns. The score ignores periods that do not divide height and width, or that are
    longer than a quarter of them.

    The pattern and its cause: Odena et al. 2016, distill.pub/2016/deconv-checkerboard
    """
    from dcgan_kit_plugins.score.power_spectrum import PERIODS, checkerboard_difference

    def compare(sides: ScoreInputs) -> dict[str, float]:
        differences = checkerboard_difference(sides.fake, sides.reference)
        return {f"checkerboard_{period}": value for period, value in differences.items()}

    return Score(_power(), compare, {f"checkerboard_{period}": "floor" for period in PERIODS})


@component("score")
def sliced_wasserstein() -> Score:
    """Compare patches of 7x7 pixels at several scales (sliced Wasserstein distance, SWD).  pixels → [0, ∞).

    swd_S: mean over 512 random directions of the Wasserstein distance between the patches of F and of R, projected onto
    each, at the level of a Laplacian pyramid that is S times smaller than the image; 1 is the finest detail
    swd: mean over the levels

    The unit is the standard deviation of a pixel of the level. Each side is first normalized by its own mean and
    standard deviation in each channel, so the score sees neither brightness nor contrast: ``spectrum`` does. A patch is
    small, so it does not see the whole image either. Levels with a side below 14 pixels are left out.

    Raises:
        ValueError: the images have a side below 14 pixels.

    Karras et al. 2018, arXiv 1710.10196, section 5; there with 128 patches of each image, and values times 1000
    """
    from dcgan_kit_plugins.score.patch_distances import LEVELS, PatchQuantiles, distances

    def compare(sides: ScoreInputs) -> dict[str, float]:
        found = distances(sides.fake, sides.reference)
        mean = sum(found.values()) / len(found)
        return {"swd": mean, **{f"swd_{scale}": value for scale, value in found.items()}}

    names = ("swd", *(f"swd_{scale}" for scale in LEVELS))
    return Score(Gathering("patch_quantiles", PatchQuantiles, "pixels"), compare, {name: "lower" for name in names})


@component("score")
def ndb(*, bins: Bins = None, seed: Seed = 0) -> Score:
    """Compare how fakes and real images fill clusters: statistically different bins (NDB), and JS.  features → [0, 1].

    ndb: share of the bins whose shares of F and R differ at the 5 % level of a two-proportion z-test
    js: Jensen-Shannon divergence of the two histograms, in bits

    Bins are the k-means clusters of R. With more images, the test detects smaller differences. So compare only scores
    of equally many images. The paper uses raw pixels; this score uses features.

    Raises:
        ValueError: there are fewer real images than bins.

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

    return Score(_all_features(), compare, {"ndb": "lower", "js": "lower"}, fewest_of_class=FEWEST_FOR_SHARES)


@component("score")
def memorization() -> Score:
    """Test whether fakes are closer to training images than held-out images are.  features → [0, ∞), z.

    memorization_ratio: median distance of F to the nearest training image / the same for R
    memorization_z: Mann-Whitney's z of the two sets of distances
    If z is below -5 and the ratio below 0.9, the generator copies training images.

    Both numbers use features. A shifted or recoloured copy is detected if the extractor gives it similar features. Bad
    fakes are far from all images, so they never count as copies.

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
        # z grows with the number of images. The ratio keeps small differences between many images from being reported.
        if z >= -5.0 or ratio >= 0.9:
            return ""
        return f"memorized: images are {ratio:.2f} times as far from training images as held-out ones are (z {z:.1f})"

    better = {"memorization_ratio": "floor", "memorization_z": "floor"}
    return Score(_all_features(), compare, better, needs_training=True, warn=warn)


def _all_features() -> Gathering:
    from dcgan_kit_plugins.score.feature_accumulators import AllFeatures

    return Gathering("features", AllFeatures)


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
        sliced_wasserstein,
        ndb,
        memorization,
    ]
