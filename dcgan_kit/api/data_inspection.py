"""What is in a data set: counts, sizes, duplicates, classes, advice, and a picture as networks see it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.data_source import PATH_OPTIONS, DataSource, FoundSource, find_source, size_from
from dcgan_kit.components.contracts.stored import StoredImage, StoredImages
from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.components.guard import guarded
from dcgan_kit.data.progress import reporting_to
from dcgan_kit.errors import ComponentError, DataError, UserError
from dcgan_kit.terminal.progress import progress_to

if TYPE_CHECKING:
    from dcgan_kit.components.component import Component
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.inspection.inspection import Inspection
    from dcgan_kit.terminal.progress import Watcher


def inspect_data(
    source: DataSource,
    *options: str,
    size: str | None = None,
    picture: str | Path | None = None,
    settings: PluginSettings | None = None,
    watcher: Watcher | None = None,
) -> Inspection:
    """Read every image of a source, and return what is in it.

    ``inspect_data("~/faces")``, ``inspect_data("npz", "path=faces.npz")``, ``inspect_data("lecture-fashion28")``

    Args:
        source: a file or folder that exists; else the name of a component of kind ``data``; else the name or path of a
            recipe. Or a mapping ``{"use": NAME, …}``, or a loaded recipe.
        options: texts ``KEY=VALUE``: options of the component, or overrides of the recipe.
        size: the size of the networks: ``64``, ``48x96`` or ``64x64x3``; default: that of the recipe, or one that fits.
        picture: a PNG to write: at most 64 images from all over the source, as networks of this size see them.
            They are read a second time.
        settings: which plugins may be loaded; default: the settings of the environment.
        watcher: receives the progress; default: a progress bar on standard error.

    Returns:
        The facts and the advice; frozen.

    Raises:
        DataError: the images are missing, none can be read, or the source cannot resize them to ``size``.
        UserError: nothing has the name of ``source``, an option is wrong, the name of the picture is no PNG's, or the
            picture would lie in the data.
        RunError: the picture cannot be written.
    """
    if picture is not None and Path(picture).suffix.lower() != ".png":
        raise UserError(f"{picture}: the picture is a PNG; give a name that ends in .png")
    found = find_source(source, options, settings)
    if picture is not None:
        _require_outside(Path(picture), found)
    return inspected(found, size, picture, watcher)


def _require_outside(picture: Path, source: FoundSource) -> None:
    """Raise a UserError if a picture would replace the data, or become one of its images."""
    from dcgan_kit.runs.write_errors import require_not_read

    given = (source.choice.options.get(option) for option in PATH_OPTIONS)
    for text in given:
        if not isinstance(text, str) or "\0" in text:
            continue
        path = Path(os.path.expanduser(text))
        require_not_read(picture, path)
        if path.is_dir() and Path(os.path.realpath(path)) in Path(os.path.realpath(picture)).parents:
            raise UserError(f"{picture}: lies in the data, {path}, and would become a part of it. Choose another place")


def inspected(source: FoundSource, size: str | None, picture: str | Path | None, watcher: Watcher | None) -> Inspection:
    """Return what is in a source; see ``inspect_data``."""
    from dcgan_kit.inspection.advice import advice
    from dcgan_kit.inspection.inspection import inspect

    wanted = None if size is None else size_from("size", size)
    with progress_to(watcher) as progress, reporting_to(partial(progress.preparation, "inspecting images")):
        stored = _stored(source, wanted)
        found = inspect(stored, source.choice.component.name, source.given)
    spec = source.spec or found.size
    if wanted is not None:
        spec = ImageSpec(wanted[0], wanted[1], wanted[2] or spec.channels)
    found = replace(found, size=spec)
    if picture is not None or (wanted is not None and not stored.resizes):
        _draw(stored, spec, picture)
    return replace(found, advice=advice(found))


def _draw(stored: StoredImages, spec: ImageSpec, picture: str | Path | None) -> None:
    """Write the picture. Without a name, only check that the source gives images of this size."""
    import numpy as np

    from dcgan_kit.inspection.network_view import SIDE, network_view
    from dcgan_kit.inspection.tiles import tiles_png
    from dcgan_kit.runs.write_errors import write_requested_file

    view = network_view(stored, spec)
    if picture is None:
        return
    columns = min(SIDE, int(np.ceil(np.sqrt(len(view)))))
    write_requested_file(Path(picture), tiles_png(view, columns))


def _stored(source: FoundSource, wanted: tuple[int, int, int | None] | None) -> StoredImages:
    """Return the images as they are stored; as a recipe gets them if the component offers nothing else."""
    component, options = source.choice.component, source.choice.options
    if component.stored is None:
        return _loaded(source, wanted)
    with guarded(component, "its function 'stored'", refusing=ComponentError), redirect_stdout(sys.stderr):
        stored = component.stored(**options)
    if not isinstance(stored, StoredImages):
        raise ComponentError(
            f"{component.label}: 'stored' must return dcgan_kit.StoredImages. Received: {type(stored).__name__}"
        )
    return _guarded(stored, component)


def _guarded(stored: StoredImages, component: Component) -> StoredImages:
    """Return the same images. Errors of the component's code name it."""

    def images() -> Iterator[StoredImage | str]:
        with guarded(component, "its function 'images'"):
            for image in stored.images():
                if not isinstance(image, StoredImage | str):
                    raise ComponentError(
                        f"{component.label}: 'images' must return dcgan_kit.StoredImage or texts. "
                        f"Received: {type(image).__name__}"
                    )
                yield image

    def fitted(content: Any, spec: ImageSpec) -> Any:
        with guarded(component, "its function 'fitted'"):
            return stored.fitted(content, spec)

    return replace(stored, images=images, fitted=fitted)


def _loaded(source: FoundSource, wanted: tuple[int, int, int | None] | None) -> StoredImages:
    from dcgan_kit.data.loading import broken_contract

    name = source.choice.component.name
    spec = source.spec
    if wanted is not None:
        spec = ImageSpec(wanted[0], wanted[1], wanted[2] or 3)
    if spec is None:
        raise UserError(f"{name} makes images of any size: say which by size (--size), e.g. 64x64x3")
    images = source.choice.build(spec)
    problem = broken_contract(images, spec)
    if problem:
        raise ComponentError(f"{source.choice.component} must return dcgan_kit.Images {problem}")

    def entries() -> Any:
        for index in range(len(images)):
            label = None if images.labels is None else int(images.labels[index])
            yield StoredImage(f"{name}, image {index}", partial(images.batch, index), label)

    def fitted(pixels: Any, asked: ImageSpec) -> Any:
        if pixels.shape != asked.shape:
            raise DataError(f"{name}: images are {pixels.shape}, and {asked.shape} is asked for")
        return pixels

    return StoredImages(
        name, len(images), entries, fitted, False, (*images.skipped, *images.left_out), images.notes, images.class_names
    )
