"""Sources of images.  ImageSpec → Images: uint8 pixels (N, H, W, C), and labels if the source has them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from dcgan_kit_plugins.data import libraries
from dcgan_kit_plugins.data.options import Background, Fit, Hint, Label, MaxBrokenShare, MemoryMiB, stored_encoded
from pydantic import Field

from dcgan_kit import Component, DataError, Images, ImageSpec, StoredImages, component, hookimpl, require_path

if TYPE_CHECKING:
    import numpy as np
    from dcgan_kit_plugins.data.image_reading import Source

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
"""Files of Keras' downloads, relative to ``$KERAS_HOME/datasets``."""

CLASS_NAMES = {
    "fashion_mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}  # fmt: skip
"""Names of classes by label, from github.com/zalandoresearch/fashion-mnist and cs.toronto.edu/~kriz/cifar.html."""

_REMEDIES = {
    "images": "give a folder of images (PNG, JPEG, WebP, …), with or without sub-folders",
    "image_zip": "give a zip archive of images (PNG, JPEG, WebP, …)",
    "npz": "give an archive of uint8 images, as numpy.savez writes it",
    "npy": "give an array of uint8 images, as numpy.save writes it",
}


def _require_source(source: str, path: str, hint: str) -> None:
    """Raise DataError if the path does not exist, or if another source must read it."""
    require_path(Path(path).expanduser(), source, f"put it there: {hint}" if hint else _REMEDIES[source])


def _check_path(source: str) -> Callable[..., None]:
    return lambda *, path, hint, **_: _require_source(source, path, hint)


def _check_images(*, path: str, hint: str, **_: object) -> None:
    _require_source("images", path, hint)
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder: {_REMEDIES['images']}")
    try:
        empty = not any(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}") from error
    if empty:
        raise DataError(f"{folder} is empty: put images (PNG, JPEG, WebP, …) into it")


def _check_npy(*, path: str, labels: str | None, hint: str, **_: object) -> None:
    _require_source("npy", path, hint)
    if labels is not None:
        _require_source("npy", labels, hint)


def _check_tfrecord(*, path: str, hint: str, **_: object) -> None:
    from dcgan_kit_plugins.data.tfrecord_files import check_files

    check_files(path, hint)


def _check_keras_dataset(*, name: str, download: bool, **_: object) -> None:
    folder = _keras_folder()
    missing = [str(folder / file) for file in KERAS_FILES[name] if not (folder / file).is_file()]
    if missing and not download:
        raise DataError(
            f"{name} is not on this machine yet: put {' and '.join(missing)} there, or set 'download: true'"
        )


def _keras_folder() -> Path:
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"


def _folder(*, path: str, hint: str) -> Source:
    from dcgan_kit_plugins.data.image_folder import folder_source

    _require_source("images", path, hint)
    return folder_source(Path(path).expanduser())


def _zip(*, path: str, folder: str, hint: str) -> Source:
    from dcgan_kit_plugins.data.image_folder import zip_source

    _require_source("image_zip", path, hint)
    return zip_source(Path(path).expanduser(), folder)


def _tfrecords(*, path: str, image: str, label: str | None, hint: str) -> Source:
    from dcgan_kit_plugins.data.tfrecord_files import tfrecord_source

    return tfrecord_source(path, image, label, hint)


def _stored_npz(*, path: str, images: str, labels: str | None, hint: str, **_: object) -> StoredImages:
    from dcgan_kit_plugins.data.stored_arrays import stored_npz

    _require_source("npz", path, hint)
    return stored_npz(Path(path).expanduser(), images, labels)


def _stored_npy(*, path: str, labels: str | None, hint: str, **_: object) -> StoredImages:
    from dcgan_kit_plugins.data.stored_arrays import stored_npy

    _check_npy(path=path, labels=labels, hint=hint)
    return stored_npy(Path(path).expanduser(), Path(labels).expanduser() if labels else None)


def _stored_fashion_mnist_4k(*, resize: bool) -> StoredImages:
    from dcgan_kit_plugins.data.stored_arrays import stored_arrays

    images = fashion_mnist_4k.build(ImageSpec(28, 28, 1), {})
    return stored_arrays("fashion_mnist_4k", images.pixels, images.labels, resize, images.class_names)


def _stored_keras_dataset(*, name: str, download: bool, resize: bool) -> StoredImages:
    from dcgan_kit_plugins.data.stored_arrays import stored_arrays

    pixels, labels = _keras_arrays(name, download)
    return stored_arrays(name, pixels, labels, resize, CLASS_NAMES.get(name, ()))


def _keras_arrays(name: str, download: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the training images and labels of one of Keras' data sets."""
    _check_keras_dataset(name=name, download=download)
    loader = import_module(f"keras.datasets.{name}")
    try:
        (pixels, labels), _ = loader.load_data()
    except Exception as error:  # Keras raises plain Exception if a download fails.
        raise DataError(f"{name} could not be read from {_keras_folder()} or fetched: {error}") from error
    return pixels, labels


File = Annotated[str, Field(min_length=1)]
_PATH = "'~' is your home folder; a relative path starts in the current folder"


Resize = Annotated[
    bool, Field(description="resize the images to the recipe's size and channels; false: both must be theirs")
]


@component("data", stored=_stored_fashion_mnist_4k)
def fashion_mnist_4k(spec: ImageSpec, *, resize: Resize = False) -> Images:
    """Read the 4,000 grey 28x28 images of clothes in 10 classes that dcgan-kit contains.

    They are a part of Fashion-MNIST, under its MIT license.

    Raises:
        DataError: the recipe asks for another size or channels without ``resize``, or for transparency.

    Xiao et al. 2017, arXiv 1708.07747
    """
    from dcgan_kit_plugins.data.arrays import fitting_resized, read_npz

    with resources.files("dcgan_kit.data.embedded").joinpath("fashion_mnist_4k.npz").open("rb") as stream:
        own = ImageSpec(28, 28, 1) if resize else spec
        images = read_npz(stream, "x", "y", own, "fashion_mnist_4k")
    if own != spec:
        images = fitting_resized(images.pixels, images.labels, spec, "fashion_mnist_4k")
    return replace(images, class_names=CLASS_NAMES["fashion_mnist"])


@component("data", check=_check_keras_dataset, stored=_stored_keras_dataset)
def keras_dataset(
    spec: ImageSpec,
    *,
    name: Annotated[
        Literal["mnist", "fashion_mnist", "cifar10", "cifar100"], Field(description="which of Keras' data sets")
    ],
    download: Annotated[bool, Field(description="download it if it is not in Keras' folder yet")] = False,
    resize: Resize = False,
) -> Images:
    """Read the training images of one of Keras' data sets from ``$KERAS_HOME/datasets`` (``~/.keras/datasets``).

    Keras checks the hash of each file before it opens the file. If the hash is wrong, Keras downloads the file again.

    Raises:
        DataError: the data set is missing and ``download`` is false, or the download failed; or the recipe asks for
            another size or channels without ``resize``, or for transparency.

    keras.io/api/datasets
    """
    from dcgan_kit_plugins.data.arrays import fitting, fitting_resized

    images = (fitting_resized if resize else fitting)(*_keras_arrays(name, download), spec, name)
    return replace(images, class_names=CLASS_NAMES.get(name, ()))


@component("data", check=_check_path("npz"), stored=_stored_npz)
def npz(
    spec: ImageSpec,
    *,
    path: Annotated[File, Field(description=f"the archive, as numpy.savez writes it; {_PATH}")],
    images: Annotated[File, Field(description="name of the uint8 array (N, H, W, C) or (N, H, W)")] = "x",
    labels: Annotated[
        str | None, Field(description="name of the integer array (N,); null: no labels; the array 'y' may be missing")
    ] = "y",
    memory_mib: MemoryMiB = 1024,
    hint: Hint = "",
) -> Images:
    """Read an array of images from a NumPy archive.

    It never unpickles anything.

    Raises:
        DataError: the file or array does not exist, the file is damaged, or an array has another type or shape.
    """
    from dcgan_kit_plugins.data.arrays import npz_images

    _require_source("npz", path, hint)
    return npz_images(Path(path).expanduser(), images, labels, spec, memory_mib)


@component("data", check=_check_npy, stored=_stored_npy)
def npy(
    spec: ImageSpec,
    *,
    path: Annotated[
        File, Field(description=f"the file, as numpy.save writes it: uint8 (N, H, W, C) or (N, H, W); {_PATH}")
    ],
    labels: Annotated[str | None, Field(description="file of the integer array (N,); null: no labels")] = None,
    memory_mib: MemoryMiB = 1024,
    hint: Hint = "",
) -> Images:
    """Read an array of images from a NumPy file, and labels from another file.

    Arrays above ``memory_mib`` are mapped from the file. Do not change the file while a run trains on it. The source
    never unpickles anything.

    Raises:
        DataError: a file does not exist or is damaged, or an array has another type or shape.
    """
    from dcgan_kit_plugins.data.arrays import npy_images

    _check_npy(path=path, labels=labels, hint=hint)
    return npy_images(Path(path).expanduser(), Path(labels).expanduser() if labels else None, spec, memory_mib)


@component("data", check=_check_images, stored=stored_encoded(_folder))
def images(
    spec: ImageSpec,
    *,
    path: Annotated[File, Field(description=f"the folder; {_PATH}")],
    fit: Fit = "crop",
    background: Background = 255,
    max_broken_share: MaxBrokenShare = 0.1,
    memory_mib: MemoryMiB = 1024,
    hint: Hint = "",
) -> Images:
    """Read every image below a folder (PNG, JPEG, WebP, TIFF, AVIF, …), resized (antialiased) to the recipe's size.

    The content of a file decides whether it is an image. Files are read in sorted order and rotated as their metadata
    says. An animation gives its first frame.

    The top sub-folders are classes, numbered in sorted order. This needs two sub-folders or more, all images must be in
    them, and at most half of them may hold a single image. Folders with names of splits (train, test, …) are not
    classes.

    The source ignores run folders and names that start with a dot. ``Images.skipped`` lists the images that cannot be
    read. ``Images.left_out`` counts the files that are not images.

    Raises:
        DataError: the folder does not exist, is a run folder, has no image, or has too many unreadable images.
    """
    from dcgan_kit_plugins.data.image_reading import Decoding, collect

    source = _folder(path=path, hint=hint)
    return collect(source, spec, Decoding(fit, background, max_broken_share, memory_mib))


@component("data", check=_check_path("image_zip"), stored=stored_encoded(_zip))
def image_zip(
    spec: ImageSpec,
    *,
    path: Annotated[File, Field(description=f"the archive; {_PATH}")],
    folder: Annotated[str, Field(description="the folder inside the archive to read; empty: all of it")] = "",
    fit: Fit = "crop",
    background: Background = 255,
    max_broken_share: MaxBrokenShare = 0.1,
    memory_mib: MemoryMiB = 1024,
    hint: Hint = "",
) -> Images:
    """Read every image in a zip archive, like ``images``, without unpacking the archive.

    Encrypted members, members of more than 64 MiB, and names that point outside it are skipped like unreadable
    images. A backslash in a name also separates folders, as some programs on Windows write it.

    Raises:
        DataError: the file does not exist or is not a zip archive, it has no image, it holds more than 256 GiB, or too
            many images are unreadable.
    """
    from dcgan_kit_plugins.data.image_reading import Decoding, collect

    source = _zip(path=path, folder=folder, hint=hint)
    return collect(source, spec, Decoding(fit, background, max_broken_share, memory_mib))


@component("data", check=_check_tfrecord, stored=stored_encoded(_tfrecords))
def tfrecord(
    spec: ImageSpec,
    *,
    path: Annotated[
        File,
        Field(description=f"a file, a folder (every file whose name holds 'tfrecord'), or a pattern with '*'; {_PATH}"),
    ],
    image: Annotated[File, Field(description="name of the feature with the bytes of a PNG, JPEG, …")] = "image",
    label: Label = "label",
    fit: Fit = "crop",
    background: Background = 255,
    max_broken_share: MaxBrokenShare = 0.1,
    memory_mib: MemoryMiB = 1024,
    hint: Hint = "",
) -> Images:
    """Read the encoded images of TFRecord files, and process them like those of a folder.

    Each record is a ``tf.train.Example``. Files are read in sorted order. The first bytes of a file show whether gzip
    compressed it. Checksums are verified. After a damaged record, the rest of its file is lost and counts as
    unreadable.

    Raises:
        DataError: the file does not exist, it has no record or no such feature, or too many images are unreadable.

    tensorflow.org/tutorials/load_data/tfrecord
    """
    from dcgan_kit_plugins.data.image_reading import Decoding, collect

    source = _tfrecords(path=path, image=image, label=label, hint=hint)
    return collect(source, spec, Decoding(fit, background, max_broken_share, memory_mib))


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every source of images."""
    # Importing the modules ``tfds`` and ``hugging_face`` sets these names in this package, so use ``libraries`` here.
    return [
        fashion_mnist_4k,
        keras_dataset,
        npz,
        npy,
        images,
        image_zip,
        tfrecord,
        libraries.tfds,
        libraries.hugging_face,
    ]
