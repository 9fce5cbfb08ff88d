"""A trained generator for programs: what a run, and a generator without its run, have in common."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.arguments import require_whole
from dcgan_kit.errors import UserError
from dcgan_kit.runs.sampler import MOST_SEED, SAMPLE_STREAM, Sampler

if TYPE_CHECKING:
    from dcgan_kit.api.inversion import Inverted
    from dcgan_kit.exports.exporter import Exported
    from dcgan_kit.terminal.progress import Watcher

MOST_SAMPLES = 10_000_000
"""At most this many samples at once; they must fit into memory."""


class TrainedGenerator(Sampler):
    """A trained generator, with its recipe: that of a run, or one without its run."""

    def _require_generator(self) -> None:
        """Raise a RunError, before TensorFlow starts, if there is no generator yet."""

    @abstractmethod
    def sampled_from(self, best: bool = False) -> tuple[int, tuple[str, ...]]:
        """Return the step of the generator that makes samples, and a message about each damaged newer checkpoint.

        Args:
            best: see ``sample``.

        Raises:
            RunError: there is no such generator.
        """

    @abstractmethod
    def averages(self, *, raw: bool = False, best: bool = False) -> bool:
        """Return whether ``generator`` returns the moving average of a generator."""

    def sample(
        self, count: int = 64, *, seed: int = 0, label: int | None = None, raw: bool = False, best: bool = False
    ) -> Any:
        """Make new images.

        Args:
            count: number of images, at least 1.
            seed: seed of the latent vectors, 0 … 2³¹ - 1; the same seed gives the same images.
            label: the class of all images, from 0; None: every class in turn, if the recipe has classes.
            raw: use the generator itself instead of its moving average, if the recipe keeps one.
            best: use the best checkpoint instead of the newest.

        Returns:
            uint8 (count, H, W, C).

        Raises:
            RunError: the run has no such checkpoint, or the checkpoint holds other networks.
            UserError: a number is out of its range, or the recipe has no such class.
        """
        require_whole("count", count, 1, MOST_SAMPLES)
        require_whole("seed", seed, 0, MOST_SEED)
        self._require_generator()
        return self.generated(count, seed, SAMPLE_STREAM, raw=raw, best=best, label=label)

    def latent_vectors(self, count: int = 64, *, seed: int = 0) -> Any:
        """Draw the latent vectors that ``sample`` draws.

        Args:
            count: number of vectors, at least 1.
            seed: see ``sample``.

        Returns:
            float32 (count, size).

        Raises:
            UserError: a number is out of its range.
        """
        require_whole("count", count, 1, MOST_SAMPLES)
        require_whole("seed", seed, 0, MOST_SEED)
        import numpy as np

        return np.asarray(self.vectors(count, seed, SAMPLE_STREAM))

    def images(self, latent: Any, *, label: int | None = None, raw: bool = False, best: bool = False) -> Any:
        """Make the images of latent vectors of your own.

        Args:
            latent: numbers (N, size), for example from ``latent_vectors``, or on the way between some of them.
            label: see ``sample``.
            raw: see ``sample``.
            best: see ``sample``.

        Returns:
            uint8 (N, H, W, C).

        Raises:
            RunError: the run has no such checkpoint, or the checkpoint holds other networks.
            UserError: these are no such numbers, or the recipe has no such class.
        """
        import numpy as np

        size = self.resolved.latent_size
        try:
            vectors = np.asarray(latent, np.float32)
        except (TypeError, ValueError) as error:
            raise UserError(f"latent: must be numbers of the shape (N, {size}): {error}") from error
        if vectors.ndim != 2 or vectors.shape[1] != size or not 1 <= len(vectors) <= MOST_SAMPLES:
            raise UserError(f"latent: must be numbers of the shape (N, {size}). Received: the shape {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise UserError("latent: must be finite numbers. Received: NaN or infinity among them")
        self._require_generator()
        return self.images_of(vectors, label, raw=raw, best=best)

    def interpolate(
        self,
        first: int,
        second: int,
        *,
        count: int = 8,
        steps: int = 8,
        seed: int = 0,
        raw: bool = False,
        best: bool = False,
    ) -> Any:
        """Make images on the way from one class to another, each row with one latent vector.

        The one-hot class moves on a straight line, in equal steps. In training, both networks see only its ends.

        Args:
            first: the class of the first image of each row, from 0.
            second: the class of the last image of each row.
            count: number of rows, at least 1.
            steps: number of images in a row, at least 2.
            seed: see ``sample``.
            raw: see ``sample``.
            best: see ``sample``.

        Returns:
            uint8 (count, steps, H, W, C).

        Raises:
            RunError: the run has no such checkpoint, or the checkpoint holds other networks.
            UserError: the recipe has no such class, or both classes are the same.
        """
        require_whole("steps", steps, 2, MOST_SAMPLES)
        require_whole("count", count, 1, MOST_SAMPLES // steps)
        require_whole("seed", seed, 0, MOST_SEED)
        self._require_generator()
        return self.interpolated((first, second), count, steps, seed, SAMPLE_STREAM, raw=raw, best=best)

    def invert(
        self,
        picture: Any,
        *,
        steps: int = 300,
        seed: int = 0,
        label: int | None = None,
        raw: bool = False,
        best: bool = False,
        watcher: Watcher | None = None,
    ) -> Inverted:
        """Search for the latent vector whose image is nearest to a picture, by gradient descent from several starts.

        The starts are the nearest of 1000 random samples. Zhu et al. 2016, arXiv 1609.03552, section 3.1.

        Args:
            picture: an image file, which gets the recipe's size as training images do; or uint8 (H, W, C) of this size.
            steps: number of optimizer steps, 1 … 5000.
            seed: seed of the random samples; the same seed gives the same result.
            label: the class, from 0; None: try all classes, if the recipe has classes.
            raw: see ``sample``.
            best: see ``sample``.
            watcher: receives the progress; default: a progress bar on standard error.

        Returns:
            The latent vector, its image, and the error beside those of the random samples.

        Raises:
            DataError: the file is no picture that can be read.
            RunError: the run has no such checkpoint, or the checkpoint holds other networks.
            UserError: a number is out of its range, or the recipe has no such class.
        """
        self._require_generator()
        from dcgan_kit.api.inversion import inverted

        return inverted(self, picture, steps=steps, seed=seed, label=label, raw=raw, best=best, watcher=watcher)

    def export(
        self,
        format: str,
        output: str | Path | None = None,
        *,
        dtype: str = "float32",
        raw: bool = False,
        best: bool = False,
        watcher: Watcher | None = None,
    ) -> Exported:
        """Write the generator for other programs, with a model card beside it.

        The model has the inputs ``latent``, float32 (B, size), and with classes ``label``, int32 (B,). Its output is
        ``image``, uint8 (B, H, W, C), as ``images`` makes it. Before it is written, a fresh process loads it, and its
        images of 16 latent vectors are compared with those of the generator.

        Args:
            format: ``keras``, ``savedmodel``, ``onnx`` or ``litert``; or ``npz``, a generator file for
                ``open_generator``. ``onnx`` and ``litert`` need ``pip install 'dcgan-kit[export]'``.
            output: the file, which ends in ``.keras``, ``.onnx``, ``.tflite`` or ``.npz``, or the folder of a
                SavedModel; default: in the folder ``export`` of the run folder, or here if there is no run. An earlier
                export there is replaced.
            dtype: type of the numbers in a generator file: ``float32``, or ``float16``, which halves it and rounds
                weights to 11 bits.
            raw: see ``sample``.
            best: see ``sample``.
            watcher: receives messages; default: messages on standard error.

        Returns:
            The paths, and the difference that was found.

        Raises:
            RunError: there is no such generator, or the file cannot be written.
            UserError: there is no such format, a package is missing, the path holds other files, the converter does not
                know an operation of the network, or the model makes other images. Nothing is written then.
        """
        from dcgan_kit.api.export import export_generator

        self._require_generator()
        return export_generator(self, format, output, dtype=dtype, raw=raw, best=best, watcher=watcher)
