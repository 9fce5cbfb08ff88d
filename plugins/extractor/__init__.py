"""Extractors: what an image is like, in numbers that scores compare.  uint8 (N, H, W, C) → features (N, D).

Numbers of different extractors say nothing about each other; each extractor's key goes into the name of every score.
"""

from __future__ import annotations

from importlib import resources
from typing import Annotated

from pydantic import Field

from dcgan_kit import Component, Extractor, Images, component, hookimpl

Seed = Annotated[int, Field(ge=0, le=2**31 - 1, description="of its random numbers")]

FASHION_WEIGHTS = "fashion_classifier.npz"
FASHION_SHAPE = (28, 28, 1)


@component("extractor")
def fashion_classifier(images: Images) -> Extractor:
    """Describe clothes by the classifier that dcgan-kit brings along.  (N, 28, 28, 1) → (N, 64), 10 classes.

    Five 3x3 convolutions, their mean over the map, a dense layer of 64 units: these are the features, each of standard
    deviation 1 over the images that it was trained on. 90,506 weights in float16, trained on the 4,000 images of
    ``fashion_mnist_4k`` by scripts/train_fashion_classifier.py.

    Raises:
        ValueError: images of another size.
    """
    import numpy as np
    from dcgan_kit_plugins.extractor.antialiased_resize import key_of
    from dcgan_kit_plugins.extractor.classifier import LARGEST_SIDE, describing

    shape = _shape(images)
    if shape != FASHION_SHAPE:
        raise ValueError(
            f"it was trained on 28x28x1 clothes, and these images are {'x'.join(map(str, shape))}: choose "
            "self_classifier, which learns from your labels, or random_convolution, which needs none"
        )
    with (
        resources.files("dcgan_kit_plugins.extractor").joinpath(FASHION_WEIGHTS).open("rb") as stream,
        np.load(stream, allow_pickle=False) as arrays,
    ):
        weights = {name: arrays[name].astype(np.float32) for name in arrays.files}
    return Extractor(describing(weights, shape), key_of(weights, shape, LARGEST_SIDE), classifies=True)


@component("extractor")
def self_classifier(
    images: Images,
    *,
    steps: Annotated[int, Field(ge=1, le=100_000, description="batches of 64 images that it learns from")] = 600,
    seed: Seed = 0,
) -> Extractor:
    """Describe images by a classifier of their own labels.  (N, H, W, C) → (N, 64), K classes.

    It is trained first, in half a minute on two cores, and is the network of ``fashion_classifier``. Images of sides
    above 32 pixels are shrunk to 32, antialiased: what is finer it does not see. The same images, labels and seed give
    the same on the same machine; elsewhere rounding may make another classifier of it, and another key.

    Raises:
        ValueError: no labels, or all the same.
    """
    import numpy as np
    from dcgan_kit_plugins.extractor.antialiased_resize import key_of, shrunk_pixels
    from dcgan_kit_plugins.extractor.classifier import LARGEST_SIDE, describing, trained

    if images.labels is None:
        raise ValueError("these images have no labels to learn from: choose random_convolution, which needs none")
    classes, labels = np.unique(images.labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError("all images have the same label: choose random_convolution, which needs none")
    # As many as training can see, and no more: a mapped data set may be larger than memory.
    most = np.sort(np.random.Generator(np.random.Philox(seed)).permutation(len(images))[: steps * 64])
    shape = _shape(images)
    weights = trained(shrunk_pixels(images, most, LARGEST_SIDE), labels[most], len(classes), steps, seed)
    return Extractor(describing(weights, shape), key_of(weights, shape, LARGEST_SIDE), classifies=True)


@component("extractor")
def random_convolution(images: Images, *, seed: Seed = 0) -> Extractor:
    """Describe images by a convolutional network that learned nothing.  (N, H, W, C) → (N, 320), no classes.

    Four scales of 16, 32, 48 and 64 random 3x3 filters with ReLU, halved in between; features are the mean and the
    standard deviation of each filter's map. It sees textures, contrast and brightness, and little of what is shown. No
    labels are needed, and nothing is learned: the same seed is the same extractor for all images of one number of
    channels. Images of sides above 64 pixels are shrunk to 64, antialiased.

    That random features tell distributions apart: Naeem et al. 2020, arXiv 2002.09797, section 4
    """
    from dcgan_kit_plugins.extractor.antialiased_resize import key_of
    from dcgan_kit_plugins.extractor.random_features import LARGEST_SIDE, describing, random_weights

    shape = _shape(images)
    weights = random_weights(shape[2], seed)
    return Extractor(describing(weights, shape), key_of(weights, shape, LARGEST_SIDE))


@component("extractor")
def inception_v3(
    images: Images,
    *,
    path: Annotated[
        str | None, Field(min_length=1, description="file of weights (.h5); null: where Keras keeps its downloads")
    ] = None,
) -> Extractor:
    """Describe photographs by Keras' InceptionV3, trained on ImageNet.  (N, H, W, 1 or 3) → (N, 2048), 1000 classes.

    Nothing is ever downloaded. Images become 299x299, bicubic, antialiased; grey ones three equal channels. These are
    not the weights that published FIDs are computed with: its ``fd`` compares with nobody's but its own.

    Raises:
        DataError: the file is not there, or holds something else; the message says where to put it.
        ValueError: images of 2 or 4 channels.

    Szegedy et al. 2015, arXiv 1512.00567; keras.io/api/applications/inceptionv3; resizing: Parmar et al. 2022, arXiv
    2104.11222
    """
    from dcgan_kit_plugins.extractor.keras_inception import describing, weights_file

    shape = _shape(images)
    if shape[2] not in (1, 3):
        raise ValueError(f"it takes grey or RGB images. Received: {shape[2]} channels")
    describe, key = describing(weights_file(path), shape)
    return Extractor(describe, key, classifies=True)


def _shape(images: Images) -> tuple[int, int, int]:
    height, width, channels = images.pixels.shape[1:]
    return (height, width, channels)


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every extractor."""
    return [fashion_classifier, self_classifier, random_convolution, inception_v3]
