"""Images of a folder or a zip archive as a source, with classes from sub-folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from dcgan_kit_plugins.data.image_reading import Source
from dcgan_kit_plugins.data.pixel_cache import file_facts

from dcgan_kit import DataError, ImageFiles, StoredImage, class_folders, image_archive, image_folder

IMAGE_FILES = "files of images (PNG, JPEG, WebP, …)"


def folder_source(root: Path) -> Source:
    """Return every image below a folder, sorted.

    Raises:
        DataError: it is not a folder, it has no image, or it is a run folder.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder: give a folder of images, with or without sub-folders")
    found = image_folder(root)
    if not found.paths:
        raise DataError("\n  ".join([f"no image in {root}: put {IMAGE_FILES} into it", *found.broken, *found.left_out]))
    files = [os.path.join(str(root), *path) for path in found.paths]
    return _source(found, lambda: ["folder", file_facts(files)])


def zip_source(file: Path, folder: str) -> Source:
    """Return every image in a zip archive below one of its folders, sorted.

    Raises:
        DataError: it is not a zip archive, it has no image, or the folder is a run folder.
    """
    found = image_archive(file, folder)
    if not found.paths and not found.broken:
        place = f"folder {folder!r} of {file}" if folder else str(file)
        raise DataError("\n  ".join([f"no image in {place}: it must hold {IMAGE_FILES}", *found.left_out]))
    return _source(found, lambda: ["zip", folder, file_facts([file])])


def _source(found: ImageFiles, facts: Callable[[], Any]) -> Source:
    labels, notes, names = class_folders(found.source, found.paths)

    def entries() -> Iterator[StoredImage | str]:
        yield from found.broken
        for number in range(len(found.paths)):
            label = None if labels is None else int(labels[number])
            yield StoredImage(found.name(number), partial(found.open, number), label)

    count = len(found.paths) + len(found.broken)
    return Source(found.source, count, entries, facts, labels is not None, found.left_out, notes, names)
