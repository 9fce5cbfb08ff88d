"""The search for the latent vector of a picture, for programs and the command ``invert``."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.arguments import require_whole
from dcgan_kit.data.image_files import open_image_file
from dcgan_kit.errors import DataError, UserError
from dcgan_kit.process import tensorflow_startup
from dcgan_kit.runs.sampler import MOST_SEED, SAMPLE_STREAM, require_class
from dcgan_kit.runs.write_errors import require_not_read, write_requested_file
from dcgan_kit.terminal.progress import Watcher, progress_to

if TYPE_CHECKING:
    from dcgan_kit.api.trained_generator import TrainedGenerator

FORMATS = ("png", "npz")
MOST_STEPS = 5000


@dataclass(frozen=True)
class Inverted:
    """The latent vector whose image is the nearest to a picture that was found. Errors are in grey levels, 0 to 255.

    Attributes:
        latent: float32 (size,).
        image: the image that it makes, uint8 (H, W, C).
        target: the picture as the network sees it, uint8 (H, W, C).
        label: its class; None if the recipe has no classes.
        error: root mean squared difference between both images.
        nearest: error of the nearest of 1000 random samples.
        usual: median error of these samples.
    """

    latent: Any
    image: Any
    target: Any
    label: int | None
    error: float
    nearest: float
    usual: float


def inverted(
    generator: TrainedGenerator,
    picture: Any,
    *,
    steps: int,
    seed: int,
    label: int | None,
    raw: bool,
    best: bool,
    watcher: Watcher | None,
) -> Inverted:
    """Search for the latent vector of a picture; see ``Run.invert``."""
    require_whole("steps", steps, 1, MOST_STEPS)
    require_whole("seed", seed, 0, MOST_SEED)
    if label is not None:
        require_class(generator.resolved, label)
    target = _target(picture, generator)
    tensorflow_startup.start_tensorflow()
    from dcgan_kit.explorer.inversion import DRAWS, Inversion
    from dcgan_kit.explorer.painter import Painter

    painter = Painter(generator.resolved, generator.generator(raw=raw, best=best))
    draws = generator.vectors(DRAWS, seed, SAMPLE_STREAM).numpy()
    with progress_to(watcher) as progress:
        search = Inversion(painter, target, draws, label, steps)
        while not search.finished:
            progress.preparation("searching for the latent vector", search.advance().step, steps)
    found = search.best
    return Inverted(found.latent, found.image, target, found.label, found.error, search.nearest, search.usual)


def inversion_files(picture: Path, output: Path | None) -> tuple[Path, ...]:
    """Return the files for the result, checked before any work.

    Args:
        picture: the file of the picture.
        output: the file that was asked for; None: ``PICTURE-inverted.png`` and ``.npz`` in the working directory.

    Raises:
        UserError: the file is the picture itself, or has another ending; or one of the usual files exists, because it
            may be somebody else's.
    """
    if output is not None:
        require_inversion_file(output)
        require_not_read(output, picture)
        return (output,)
    files = tuple(Path(f"{picture.stem or 'picture'}-inverted.{form}") for form in FORMATS)
    taken = next((file for file in files if os.path.lexists(file)), None)
    if taken is not None:
        raise UserError(f"{taken}: exists already. Name the file to write with --output, or move that one away")
    return files


def require_inversion_file(file: Path) -> None:
    """Check the name of a file for the result before any work.

    Raises:
        UserError: it ends in something else than .png or .npz.
    """
    if file.suffix.lower().removeprefix(".") not in FORMATS:
        raise UserError(f"{file}: what was found goes into a file that ends in .png or .npz")


def write_inversion(found: Inverted, file: Path) -> None:
    """Write what was found.

    Args:
        found: what was found.
        file: ``.png``: the picture and beside it the generator's; ``.npz``: the arrays ``images`` (1, H, W, C),
            ``latent`` (1, size) and, with classes, ``labels`` (1,), as ``sample`` writes them, and ``targets``.

    Raises:
        UserError: the file ends in something else.
        RunError: it cannot be written.
    """
    require_inversion_file(file)
    import numpy as np

    from dcgan_kit.runs.image_grid import grid_of, png_of

    if file.suffix.lower() == ".png":
        write_requested_file(file, png_of(grid_of(np.stack([found.target, found.image]), 1, 2)))
        return
    arrays = {"images": found.image[None], "latent": found.latent[None], "targets": found.target[None]}
    if found.label is not None:
        arrays["labels"] = np.array([found.label], np.int64)
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    write_requested_file(file, stream.getvalue())


def _target(picture: Any, generator: TrainedGenerator) -> Any:
    """Return a picture, a path or an array, as uint8 (H, W, C) of the recipe."""
    import numpy as np

    from dcgan_kit.explorer.target import target_pixels

    recipe = generator.resolved
    spec = recipe.image.spec
    if not isinstance(picture, str | Path):
        array = np.asarray(picture)
        if array.dtype != np.uint8 or array.shape != spec.shape:
            raise UserError(
                f"picture: must be a file, or uint8 numbers of the shape {spec.shape}. "
                f"Received: {array.dtype} of the shape {array.shape}"
            )
        return array
    if os.path.isdir(picture):
        raise DataError(f"{picture}: is a folder; give the file of one picture")
    try:
        stream = open_image_file(picture)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{picture}: there is no such file") from error
    except OSError as error:
        raise DataError(f"{picture}: {error.strerror or error}") from error
    except DataError as error:
        raise DataError(f"{picture}: {error}") from error
    with stream:
        return target_pixels(stream, recipe, str(picture))
