"""Sources of images that need optional libraries.  ImageSpec → Images."""

from __future__ import annotations

from typing import Annotated, Any

from dcgan_kit_plugins.data.options import Background, Fit, Hint, Label, MaxBrokenShare, MemoryMiB, stored_encoded
from pydantic import Field

from dcgan_kit import Images, ImageSpec, component


def _tfds(**options: Any) -> Any:
    from dcgan_kit_plugins.data.tfds import tfds_source

    return tfds_source(**options)


def _hugging_face(**options: Any) -> Any:
    from dcgan_kit_plugins.data.hugging_face import hugging_face_source

    return hugging_face_source(**options)


@component("data", stored=stored_encoded(_tfds))
def tfds(
    spec: ImageSpec,
    *,
    name: Annotated[
        str,
        Field(
            min_length=1, description="name, name/config or name:version of the data set, or the folder of one version"
        ),
    ],
    split: Annotated[str, Field(min_length=1, description="train, test, train[:10%], …")] = "train",
    image: Annotated[str, Field(min_length=1, description="name of the image feature")] = "image",
    label: Label = "label",
    data_dir: Annotated[
        str | None, Field(description="folder of the data sets; null: $TFDS_DATA_DIR or ~/tensorflow_datasets")
    ] = None,
    download: Annotated[bool, Field(description="download and prepare it if it is missing")] = False,
    fit: Fit = "crop",
    background: Background = 255,
    max_broken_share: MaxBrokenShare = 0.1,
    memory_mib: MemoryMiB = 1024,
    hint: Hint = "",
) -> Images:
    """Read a data set of TensorFlow Datasets, and process its images like those of a folder.

    It needs ``pip install 'dcgan-kit[tfds]'``. It reads prepared data sets without network access, and without the code
    that prepared them.

    Raises:
        DataError: the package or the data set is missing, it has no such feature, or too many images are unreadable.

    tensorflow.org/datasets
    """
    from dcgan_kit_plugins.data.image_reading import Decoding, collect
    from dcgan_kit_plugins.data.tfds import tfds_source

    source = tfds_source(name, split, image, label, data_dir, download, hint)
    return collect(source, spec, Decoding(fit, background, max_broken_share, memory_mib))


@component("data", stored=stored_encoded(_hugging_face))
def hugging_face(
    spec: ImageSpec,
    *,
    name: Annotated[str, Field(min_length=1, description="owner/name on the Hub, or a folder that save_to_disk wrote")],
    config: Annotated[
        str | None, Field(description="configuration of a dataset on the Hub; null: its only one")
    ] = None,
    split: Annotated[str, Field(min_length=1, description="train, test, …; from the Hub also train[:10%]")] = "train",
    image: Annotated[str, Field(min_length=1, description="name of the column of images, or of their bytes")] = "image",
    label: Label = "label",
    download: Annotated[bool, Field(description="download it if it is not in the local cache yet")] = False,
    fit: Fit = "crop",
    background: Background = 255,
    max_broken_share: MaxBrokenShare = 0.1,
    memory_mib: MemoryMiB = 1024,
    hint: Hint = "",
) -> Images:
    """Read a Hugging Face dataset, and process its images like those of a folder.

    It needs ``pip install 'dcgan-kit[huggingface]'``. It never runs code of a dataset: dcgan-kit does not accept the
    versions of ``datasets`` that can. If a column holds addresses instead of images, it does not download them.

    Raises:
        DataError: the package or the dataset is missing, it has no such column, or too many images are unreadable.

    huggingface.co/docs/datasets
    """
    from dcgan_kit_plugins.data.hugging_face import hugging_face_source
    from dcgan_kit_plugins.data.image_reading import Decoding, collect

    source = hugging_face_source(name, config, split, image, label, download, hint)
    return collect(source, spec, Decoding(fit, background, max_broken_share, memory_mib))
