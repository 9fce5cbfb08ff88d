"""Extractors: turn images into features that scores compare.  uint8 (N, H, W, C) → features (N, D).

Scores with different extractors cannot be compared. So the name of a score contains the key of its extractor.
"""

from __future__ import annotations

from importlib import resources
from typing import Annotated, Any

from pydantic import Field

from dcgan_kit import Component, Extractor, Images, component, hookimpl

Seed = Annotated[int, Field(ge=0, le=2**31 - 1, description="seed of the random numbers")]

FASHION_WEIGHTS = "fashion_classifier.npz"
FASHION_RECONSTRUCTION_WEIGHTS = "fashion_reconstruction.npz"
FASHION_SHAPE = (28, 28, 1)


@component("extractor")
def fashion_classifier(images: Images) -> Extractor:
    """Describe images of clothes with the classifier in dcgan-kit.  (N, 28, 28, 1) → (N, 64), 10 classes.

    The network has five 3x3 convolutions, the mean over the map, and a dense layer of 64 units. These units are the
    features. Each has a standard deviation of 1 over the training images. scripts/train_fashion_classifier.py trained
    the 90,506 weights, stored in float16, on the 4,000 images of ``fashion_mnist_4k``.

    Raises:
        ValueError: the images have another size.
    """
    from dcgan_kit_plugins.extractor.antialiased_resize import key_of
    from dcgan_kit_plugins.extractor.classifier import LARGEST_SIDE, describing

    shape = _shape_of_clothes(
        images, "self_classifier, which learns from your labels, or random_convolution, which needs none"
    )
    weights = _shipped(FASHION_WEIGHTS)
    return Extractor(describing(weights, shape), key_of(weights, shape, LARGEST_SIDE), classifies=True)


@component("extractor")
def self_classifier(
    images: Images,
    *,
    steps: Annotated[int, Field(ge=1, le=100_000, description="training steps, each with a batch of 64 images")] = 600,
    seed: Seed = 0,
) -> Extractor:
    """Describe images with a classifier trained on their own labels.  (N, H, W, C) → (N, 64), K classes.

    It has the network of ``fashion_classifier``. It is trained before its first use, which takes half a minute on two
    cores. Images with sides above 32 pixels are first resized to 32 (antialiased), so finer detail has no effect. On
    the same machine, the same images, labels and seed give the same classifier. On another machine, rounding can lead
    to another classifier with another key.

    Raises:
        ValueError: there are no labels, or all labels are equal.
    """
    import numpy as np
    from dcgan_kit_plugins.extractor.antialiased_resize import key_of, shrunk_pixels
    from dcgan_kit_plugins.extractor.classifier import LARGEST_SIDE, describing, trained

    if images.labels is None:
        raise ValueError("these images have no labels to learn from: choose random_convolution, which needs none")
    classes, labels = np.unique(images.labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError("all images have the same label: choose random_convolution, which needs none")
    # Load only as many images as training uses: a data set mapped from disk can be larger than memory.
    most = np.sort(np.random.Generator(np.random.Philox(seed)).permutation(len(images))[: steps * 64])
    shape = _shape(images)
    weights = trained(shrunk_pixels(images, most, LARGEST_SIDE), labels[most], len(classes), steps, seed)
    key = key_of(weights, shape, LARGEST_SIDE)
    return Extractor(describing(weights, shape), key, classifies=True, learned_labels=True)


@component("extractor")
def fashion_reconstruction(images: Images) -> Extractor:
    """Describe images of clothes with the autoencoder in dcgan-kit.  (N, 28, 28, 1) → (N, 64), no classes.

    The network learned to reconstruct images from 64 numbers, without labels. These numbers are the features: they
    represent what is where in the image, and little of its texture. Each has a standard deviation of 1 over the
    training images. The encoder has three 3x3 convolutions with stride 2 and a dense layer.
    scripts/train_fashion_reconstruction.py trained its 121,344 weights, stored in float16, on 56,000 training images of
    Fashion-MNIST that are not in ``fashion_mnist_4k``.

    Raises:
        ValueError: the images have another size.
    """
    from dcgan_kit_plugins.extractor.antialiased_resize import key_of
    from dcgan_kit_plugins.extractor.reconstruction import LARGEST_SIDE, describing

    shape = _shape_of_clothes(images, "self_reconstruction, which learns from your images")
    weights = _shipped(FASHION_RECONSTRUCTION_WEIGHTS)
    return Extractor(describing(weights, shape), key_of(weights, shape, LARGEST_SIDE))


@component("extractor")
def self_reconstruction(
    images: Images,
    *,
    steps: Annotated[int, Field(ge=1, le=100_000, description="training steps, each with a batch of 64 images")] = 600,
    seed: Seed = 0,
) -> Extractor:
    """Describe images with an autoencoder trained on them, without labels.  (N, H, W, C) → (N, 64), no classes.

    It has the network of ``fashion_reconstruction``. It is trained before its first use, which takes half a minute on
    two cores. Images with sides above 32 pixels are first resized to 32 (antialiased), so finer detail has no effect.
    On the same machine, the same images and seed give the same encoder. On another machine, rounding can lead to
    another encoder with another key.
    """
    import numpy as np
    from dcgan_kit_plugins.extractor.antialiased_resize import key_of, shrunk_pixels
    from dcgan_kit_plugins.extractor.reconstruction import LARGEST_SIDE, describing, trained

    # Load only as many images as training uses: a data set mapped from disk can be larger than memory.
    most = np.sort(np.random.Generator(np.random.Philox(seed)).permutation(len(images))[: steps * 64])
    weights, _ = trained(shrunk_pixels(images, most, LARGEST_SIDE), steps, seed)
    shape = _shape(images)
    return Extractor(describing(weights, shape), key_of(weights, shape, LARGEST_SIDE))


@component("extractor")
def random_convolution(images: Images, *, seed: Seed = 0) -> Extractor:
    """Describe images with an untrained convolutional network.  (N, H, W, C) → (N, 320), no classes.

    The network has four scales of 16, 32, 48 and 64 random 3x3 filters with ReLU, and halves the map between scales.
    The features are the mean and the standard deviation of each filter's map. They represent textures, contrast and
    brightness, and little of the content. The extractor needs no labels and no training. The same seed gives the same
    extractor for all images with the same number of channels. Images with sides above 64 pixels are first resized to 64
    (antialiased).

    Random features can distinguish distributions: Naeem et al. 2020, arXiv 2002.09797, section 4
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
    """Describe photographs with Keras' InceptionV3 for ImageNet.  (N, H, W, 1 or 3) → (N, 2048), 1000 classes.

    It never downloads anything. Images are resized to 299x299 (bicubic, antialiased). Grey images get three equal
    channels. Published FIDs use other weights, so do not compare its ``fd`` with them.

    Raises:
        DataError: the file is missing, or has other content. The message says where to put the file.
        ValueError: the images have 2 or 4 channels.

    Szegedy et al. 2015, arXiv 1512.00567; keras.io/api/applications/inceptionv3; resizing: Parmar et al. 2022, arXiv
    2104.11222
    """
    from dcgan_kit_plugins.extractor.keras_inception import describing, weights_file

    shape = _shape(images)
    if shape[2] not in (1, 3):
        raise ValueError(f"it takes grey or RGB images. Received: {shape[2]} channels")
    describe, key = describing(weights_file(path), shape)
    return Extractor(describe, key, classifies=True)


def _shape_of_clothes(images: Images, instead: str) -> tuple[int, int, int]:
    """Return the shape of images for an extractor that dcgan-kit ships; refuse another one, and name what to choose."""
    shape = _shape(images)
    if shape != FASHION_SHAPE:
        given = "x".join(map(str, shape))
        raise ValueError(f"it was trained on 28x28x1 clothes, and these images are {given}: choose {instead}")
    return shape


def _shipped(name: str) -> dict[str, Any]:
    """Return the weights in a file of this package, in float32."""
    import numpy as np

    with (
        resources.files("dcgan_kit_plugins.extractor").joinpath(name).open("rb") as stream,
        np.load(stream, allow_pickle=False) as arrays,
    ):
        return {key: arrays[key].astype(np.float32) for key in arrays.files}


def _shape(images: Images) -> tuple[int, int, int]:
    height, width, channels = images.pixels.shape[1:]
    return (height, width, channels)


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every extractor."""
    return [
        fashion_classifier,
        self_classifier,
        fashion_reconstruction,
        self_reconstruction,
        random_convolution,
        inception_v3,
    ]
