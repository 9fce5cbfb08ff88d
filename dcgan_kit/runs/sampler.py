"""Samples of a generator: images of latent vectors, of classes, and on the way between classes."""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from dcgan_kit.data.progress import Report
from dcgan_kit.errors import UserError
from dcgan_kit.process import tensorflow_startup
from dcgan_kit.recipes.loading import LoadedRecipe
from dcgan_kit.recipes.resolved import ResolvedRecipe

if TYPE_CHECKING:
    from dcgan_kit.components.plugin import LoadedPlugins
    from dcgan_kit.data.holdout import SplitImages
    from dcgan_kit.networks.network import Networks

SAMPLE_STREAM = -2
"""Takes the place of the step in the seed of samples; training uses steps from 0, and its sample grid uses -1."""


MOST_SEED = 2**31 - 1
"""TensorFlow takes seeds of 32 bits."""


class Sampler(ABC):
    """A recipe with a trained generator: a run, or a generator without its run.

    TensorFlow starts at the first call that needs networks, and images are read at the first call that needs them.

    Args:
        loaded: the recipe, and the plugins that it was loaded with.

    Attributes:
        loaded: the recipe, and the plugins that it was loaded with.
    """

    def __init__(self, loaded: LoadedRecipe) -> None:
        self.loaded = loaded
        self._images: SplitImages | None = None

    @property
    def resolved(self) -> ResolvedRecipe:
        """The recipe with all defaults; frozen."""
        return self.loaded.recipe

    @property
    def plugins(self) -> LoadedPlugins:
        """The plugins that were loaded for the recipe."""
        return self.loaded.plugins

    @abstractmethod
    def generator(self, *, raw: bool = False, best: bool = False) -> Any:
        """Return the generator, a Keras model: latent vectors (B, size) → images (B, H, W, C).

        Args:
            raw: return the generator itself, even if the recipe keeps a moving average of it.
            best: use the best checkpoint instead of the newest.

        Raises:
            RunError: there is no such generator, or it belongs to other networks.
        """

    def networks(self) -> Networks:
        """Build the recipe's networks, with initial weights.

        Raises:
            UserError: they cannot be built.
        """
        tensorflow_startup.start_tensorflow()
        from dcgan_kit.networks.builder import build_networks

        return build_networks(self.resolved)

    def read_images(self, report: Report | None = None) -> SplitImages:
        """Return the images of the recipe; the first call reads them.

        Args:
            report: receives how many of how many images are read, if reading takes more than two seconds.

        Raises:
            DataError: images are missing or corrupt, or do not fit the recipe.
        """
        if self._images is None:
            from dcgan_kit.data.loading import load_split_images

            self._images = load_split_images(self.resolved, report)
        return self._images

    def generated(
        self,
        count: int,
        seed: int,
        stream: int,
        *,
        raw: bool = False,
        best: bool = False,
        label: Any = None,
    ) -> Any:
        """Return new images, uint8 (count, H, W, C).

        Args:
            count: number of images.
            seed: seed of the latent vectors; the same seed and stream give the same images.
            stream: a number below 0 for one purpose, so that each purpose draws other latent vectors.
            raw: see ``generator``.
            best: see ``generator``.
            label: the class of all images, or one for each image, integers (count,); None: every class in turn, if the
                recipe has classes.

        Raises:
            RunError: the run has no such checkpoint, or it belongs to other networks.
            UserError: the recipe has no such class.
        """
        return self.images_of(self.vectors(count, seed, stream), label, raw=raw, best=best)

    def vectors(self, count: int, seed: int, stream: int) -> Any:
        """Return latent vectors, float32 (count, size); see ``generated``."""
        from dcgan_kit.runs.image_grid import latent_vectors

        return latent_vectors(self.resolved, count, seed, stream)

    def images_of(self, latent: Any, label: Any = None, *, raw: bool = False, best: bool = False) -> Any:
        """Return the images of latent vectors, uint8 (N, H, W, C).

        Args:
            latent: float32 (N, size).
            label: see ``generated``.
            raw: see ``generator``.
            best: see ``generator``.

        Raises:
            RunError: see ``generated``.
            UserError: the recipe has no such class.
        """
        import numpy as np

        recipe, count = self.resolved, len(latent)
        for number in label if isinstance(label, np.ndarray) else () if label is None else (label,):
            require_class(recipe, number)
        generator = self.generator(raw=raw, best=best)
        from dcgan_kit.runs.image_grid import classes_in_turn, generated, one_hot

        classes = classes_in_turn(recipe, count) if label is None else one_hot(recipe, np.broadcast_to(label, count))
        return generated(generator, latent, recipe.image.range, classes)

    def interpolated(
        self,
        classes: tuple[int, int],
        count: int,
        steps: int,
        seed: int,
        stream: int,
        *,
        raw: bool = False,
        best: bool = False,
    ) -> Any:
        """Return images on the way from one class to another, uint8 (count, steps, H, W, C).

        Args:
            classes: the class of the first image of each row and that of the last, two different ones.
            count: number of latent vectors; each is the same along its row.
            steps: number of images in a row, at least 2.
            seed: see ``generated``.
            stream: see ``generated``.
            raw: see ``generator``.
            best: see ``generator``.

        Raises:
            RunError: the run has no such checkpoint, or it belongs to other networks.
            UserError: the recipe has no such class, or the classes are the same.
        """
        return self.images_between(self.vectors(count, seed, stream), classes, steps, raw=raw, best=best)

    def images_between(
        self, latent: Any, classes: tuple[int, int], steps: int, *, raw: bool = False, best: bool = False
    ) -> Any:
        """Return the images of latent vectors on the way from one class to another; see ``interpolated``.

        Args:
            latent: float32 (N, size).
            classes: see ``interpolated``.
            steps: see ``interpolated``.
            raw: see ``generator``.
            best: see ``generator``.
        """
        recipe, (first, second) = self.resolved, classes
        for number in classes:
            require_class(recipe, number)
        if first == second:
            raise UserError(f"classes {first} and {second}: the way goes from one class to another; give two")
        generator = self.generator(raw=raw, best=best)
        import numpy as np

        from dcgan_kit.runs.image_grid import classes_between, generated

        way = np.tile(classes_between(recipe, first, second, steps), (len(latent), 1))
        images = generated(generator, np.repeat(latent, steps, axis=0), recipe.image.range, way)
        return images.reshape(len(latent), steps, *images.shape[1:])


def require_class(recipe: ResolvedRecipe, label: Any) -> None:
    """Check the number of a class.

    Raises:
        UserError: the recipe has no such class, or no classes at all.
    """
    if recipe.classes is None:
        raise UserError(f"class {label}: the recipe {recipe.name} has no classes; leave the class out")
    whole = isinstance(label, numbers.Integral) and not isinstance(label, bool)
    if not whole or not 0 <= label < recipe.classes:
        raise UserError(f"class {label}: the recipe {recipe.name} has the classes 0 to {recipe.classes - 1}")
