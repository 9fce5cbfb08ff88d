"""Sources of images.  ImageSpec → Images: uint8 pixels (N, H, W, C), and labels if there are any."""

from __future__ import annotations

import os
from importlib import import_module, resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from dcgan_kit import Component, DataError, Images, ImageSpec, component, hookimpl

KERAS_FILES = {
    "mnist": ("mnist.npz",),
    "fashion_mnist": tuple(
        f"fashion-mnist/{part}-{content}-ubyte.gz"
        for part in ("train", "t10k")
        for content in ("images-idx3", "labels-idx1")
    ),
    "cifar10": ("cifar-10-batches-py-target_archive",),
    "cifar100": ("cifar-100-python-target_archive",),
}
"""Where Keras keeps its downloads, below ``$KERAS_HOME/datasets``."""

File = Annotated[str, Field(min_length=1)]
Hint = Annotated[str, Field(description="where the images come from; told where they are missing")]


@component("data")
def fashion_mnist_4k(spec: ImageSpec) -> Images:
    """Read the 4,000 grey 28x28 images of clothes, in 10 classes, that dcgan-kit brings along.

    A part of Fashion-MNIST, under its MIT license.

    Xiao et al. 2017, arXiv 1708.07747
    """
    from dcgan_kit_plugins._arrays import fitting, read_npz

    with resources.files("dcgan_kit.data.embedded").joinpath("fashion_mnist_4k.npz").open("rb") as stream:
        pixels, labels = read_npz(stream, "x", "y")
    return fitting(pixels, labels, spec, "fashion_mnist_4k")


@component("data")
def keras_dataset(
    spec: ImageSpec,
    *,
    name: Annotated[
        Literal["mnist", "fashion_mnist", "cifar10", "cifar100"], Field(description="which of Keras' data sets")
    ],
    download: Annotated[bool, Field(description="fetch it, once, if it is not in Keras' folder yet")] = False,
) -> Images:
    """Read the training images of one of Keras' data sets from ``$KERAS_HOME/datasets`` (``~/.keras/datasets``).

    Keras checks each file's hash before it opens it, and fetches a file anew whose hash is wrong.

    Raises:
        DataError: it is not there and may not be fetched, or fetching it failed.

    keras.io/api/datasets
    """
    from dcgan_kit_plugins._arrays import fitting

    folder = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"
    missing = [str(folder / file) for file in KERAS_FILES[name] if not (folder / file).is_file()]
    if missing and not download:
        raise DataError(f"{name} is not here yet: put {' and '.join(missing)} in place, or set 'download: true'")
    loader = import_module(f"keras.datasets.{name}")
    try:
        (pixels, labels), _ = loader.load_data()
    except Exception as error:  # Keras raises plain Exception where a download fails.
        raise DataError(f"{name} could not be read from {folder} or fetched: {error}") from error
    return fitting(pixels, labels, spec, name)


@component("data")
def npz(
    spec: ImageSpec,
    *,
    path: Annotated[
        File,
        Field(
            description="the archive, as numpy.savez writes it; '~' is your home, a relative path starts where you are"
        ),
    ],
    images: Annotated[File, Field(description="name of the uint8 array (N, H, W, C) or (N, H, W)")] = "x",
    labels: Annotated[
        str | None, Field(description="name of the integer array (N,); null: none; 'y' may be missing")
    ] = "y",
    hint: Hint = "",
) -> Images:
    """Read an array of images from a NumPy archive.

    Nothing in it is ever unpickled.

    Raises:
        DataError: no such file or array, a damaged file, or an array of another type or shape.
    """
    from dcgan_kit_plugins._arrays import fitting, read_npz

    file = Path(path).expanduser()
    try:
        with file.open("rb") as stream:
            pixels, classes = read_npz(stream, images, labels)
    except FileNotFoundError as error:
        wanted = hint or f"an archive with an array {images!r} of uint8 images"
        raise DataError(f"no file {file}: put it there: {wanted}") from error
    except OSError as error:
        raise DataError(f"{file}: {error.strerror or error}") from error
    except DataError as error:
        raise DataError(f"{file}: {error}") from error
    return fitting(pixels, classes, spec, str(file))


@component("data")
def images(
    spec: ImageSpec,
    *,
    path: Annotated[File, Field(description="the folder; '~' is your home, a relative path starts where you are")],
    fit: Annotated[
        Literal["crop", "pad"],
        Field(description="how another aspect ratio is met: cut the longer side, or add margins"),
    ] = "crop",
    background: Annotated[
        int, Field(ge=0, le=255, description="grey level behind transparent pixels and in margins")
    ] = 255,
    max_broken_share: Annotated[
        float, Field(ge=0.0, le=1.0, description="share of unreadable files above which to give up")
    ] = 0.1,
    hint: Hint = "",
) -> Images:
    """Read every PNG, JPEG, WebP, BMP and GIF below a folder, resized (antialiased) to the recipe's size.

    Files are taken in sorted order, upright as their EXIF data says. If all lie in sub-folders, and in two of them or
    more, then the sub-folders of the top are classes, numbered in sorted order. Names that start with a dot are
    passed over. Files that cannot be read are listed in ``Images.skipped``.

    Raises:
        DataError: no such folder, no image in it, or too many unreadable ones.
    """
    from dcgan_kit_plugins._image_folder import read_folder

    folder = Path(path).expanduser()
    if hint and not folder.exists():
        raise DataError(f"no folder {folder}: put it there: {hint}")
    return read_folder(folder, spec, fit, background, max_broken_share)


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every source of images."""
    return [fashion_mnist_4k, keras_dataset, npz, images]
