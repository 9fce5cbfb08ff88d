"""Files of samples: a grid, arrays, a moving picture, and each image in a file of its own."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.errors import UserError
from dcgan_kit.runs.run_folder import WRITTEN, RunFolder
from dcgan_kit.runs.write_errors import require_not_read, write_requested_file

if TYPE_CHECKING:
    from dcgan_kit.api.trained_generator import TrainedGenerator

FORMATS = ("png", "npz", "gif", "mp4")
MILLISECONDS = 80
"""How long a moving picture shows each image."""


@dataclass(frozen=True)
class Samples:
    """Images with what they were made from.

    Attributes:
        images: uint8 (N, H, W, C).
        latent: float32 (N, size).
        labels: the class of each image, integers (N,); None if the recipe has no classes, or images lie between two.
    """

    images: Any
    latent: Any
    labels: Any = None


def samples_of(
    run: TrainedGenerator,
    latent: Any,
    label: int | None,
    between: tuple[int, int] | None,
    steps: int | None,
    truncation: float,
    *,
    raw: bool,
    best: bool,
) -> Samples:
    """Make the images of latent vectors, or of ways that start there.

    Args:
        run: the run.
        latent: float32 (N, size).
        label: the class of all images; None: every class in turn, if the recipe has classes.
        between: go from one class to another with each vector; None: do not.
        steps: images of each way; None: there is no way.
        truncation: see ``latent_space.truncated``.
        raw: see ``Run.sample``.
        best: see ``Run.sample``.
    """
    import numpy as np

    from dcgan_kit.runs.latent_space import truncated, walk

    latent = truncated(latent, truncation)
    if between is not None and steps is not None:
        rows = run.images_between(latent, between, steps, raw=raw, best=best)
        return Samples(rows.reshape(-1, *rows.shape[2:]), np.repeat(latent, steps, axis=0))
    if steps is not None:
        latent = walk(latent, steps)
    classes = run.resolved.classes
    numbers = np.arange(len(latent)) % (classes or 1) if label is None else np.full(len(latent), label)
    images = run.images(latent, label=label, raw=raw, best=best)
    return Samples(images, latent, None if classes is None else numbers)


def require_sample_files(count: int, file: Path | None, each: Path | None) -> None:
    """Check the paths for samples before any image is generated.

    Args:
        count: number of images.
        file: the file for all images; None if it is not chosen yet.
        each: the folder of single images, or None.

    Raises:
        UserError: the suffix of the file is no known one; PyAV is missing for an MP4; or ``each`` is not a folder, or
            holds other files, which could be confused with the new images.
    """
    from dcgan_kit.reports.moving_picture import require_form

    if file is not None:
        if _form(file) not in FORMATS:
            raise UserError(f"{file}: samples go into a file that ends in one of .{', .'.join(FORMATS)}")
        require_form(_form(file))
    if each is not None:
        from dcgan_kit.runs.sample_images import require_folder

        require_folder(count, each)


def require_apart(file: Path, source: Path) -> None:
    """Check that a file to write is not the generator that is read, nor part of its training.

    Args:
        file: the file.
        source: a run folder, or a generator file.

    Raises:
        UserError: it is.
    """
    require_not_read(file, source)
    run, target = RunFolder(source.resolve()), Path(os.path.realpath(file))
    if run.checkpoints in target.parents or target in (run.path / name for name in WRITTEN):
        raise UserError(f"{file}: is a file of the training itself. Choose another file")


def write_samples(
    samples: Samples, file: Path, each: Path | None = None, columns: int | None = None
) -> tuple[Path, ...]:
    """Write all images into one file and, if wanted, each image as its own PNG.

    Args:
        samples: the images.
        file: ``.png``: a grid; ``.npz``: the arrays ``images``, ``latent`` and, with classes, ``labels``; ``.gif`` or
            ``.mp4``: one image after the other.
        each: a folder for ``00000.png`` and so on; None to write no such files.
        columns: columns of the grid; None: about as many as rows.

    Returns:
        The files in ``each``.

    Raises:
        RunError: a file cannot be written.
        UserError: PyAV is missing for an MP4.
    """
    from dcgan_kit.runs.sample_images import write_each, write_grid

    form = _form(file)
    if form == "png":
        write_grid(samples.images, file, columns)
    else:
        write_requested_file(file, _arrays(samples) if form == "npz" else _moving(samples.images, form))
    return () if each is None else write_each(samples.images, each)


def _form(file: Path) -> str:
    return file.suffix.lower().removeprefix(".")


def _arrays(samples: Samples) -> bytes:
    import numpy as np

    arrays = {"images": samples.images, "latent": samples.latent}
    if samples.labels is not None:
        arrays["labels"] = samples.labels.astype(np.int64)
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _moving(images: Any, form: str) -> bytes:
    from PIL import Image

    from dcgan_kit.reports.moving_picture import moving_picture, on_paper
    from dcgan_kit.runs.image_grid import png_of

    frames = [on_paper(Image.open(io.BytesIO(png_of(image)))) for image in images]
    return moving_picture(frames, [MILLISECONDS] * len(frames), form)
