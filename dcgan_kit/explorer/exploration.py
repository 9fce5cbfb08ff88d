"""What the page asks for, as functions from values to values: the server only carries them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from dcgan_kit.errors import UserError
from dcgan_kit.explorer.directions import DRAWS as DIRECTION_DRAWS
from dcgan_kit.explorer.directions import Directions, directions
from dcgan_kit.explorer.inversion import DRAWS, STEPS, Inversion
from dcgan_kit.explorer.neighbourhood import Neighbourhood
from dcgan_kit.explorer.painter import Painter
from dcgan_kit.explorer.source import Source
from dcgan_kit.explorer.stage_maps import StageMaps, image_inputs, stage_maps
from dcgan_kit.explorer.target import target_of_bytes
from dcgan_kit.networks.part_builder import times
from dcgan_kit.reports.pictures import data_uri
from dcgan_kit.runs.image_grid import grid_of, png_of
from dcgan_kit.runs.latent_space import walk

MOST_IMAGES = 256
"""Most images of one request."""
MOST_STOPS = 16
"""Most latent vectors of a walk."""
MILLISECONDS = 60
"""How long a moving picture shows each image."""
DIRECTION_SEED = 1
Label = int | Literal["turn"] | None


@dataclass(frozen=True)
class Which:
    """The generator that a request is about.

    Attributes:
        source: the number of the source, from 0.
        version: the key of its version.
        label: the class of all images; ``turn``: each class in turn; None: the recipe has no classes.
    """

    source: int
    version: str
    label: Label = None


class Exploration:
    """Answers the questions of the page. Safe to use from several threads.

    Args:
        sources: what to draw with, at least one.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = tuple(sources)
        self.searching = Lock()
        """Held while a search for a latent vector runs: two at once would only take turns."""
        self._once = Lock()
        self._directions = lru_cache(maxsize=16)(self._computed_directions)
        self._neighbourhoods: dict[int, Neighbourhood] = {}

    def facts(self) -> Mapping[str, Any]:
        """Return what the page needs to know of the sources, as data for JSON."""
        return {"sources": [_facts(source) for source in self.sources], "steps": STEPS}

    def source(self, number: int) -> Source:
        """Return a source by its number.

        Raises:
            UserError: there is no such source.
        """
        if not 0 <= number < len(self.sources):
            raise UserError(f"source: must be from 0 to {len(self.sources) - 1}. Received: {number}")
        return self.sources[number]

    def painter(self, which: Which) -> Painter:
        """Return a generator; see ``Source.painter``."""
        return self.source(which.source).painter(which.version)

    def latent(self, which: Which, content: bytes, most: int) -> Any:
        """Return latent vectors that were sent.

        Args:
            which: the generator that they are for.
            content: float32 numbers, the lowest byte first.
            most: most vectors.

        Returns:
            float32 (N, size), at least one.

        Raises:
            UserError: these are no such vectors.
        """
        size = self.source(which.source).recipe.latent_size
        count, rest = divmod(len(content), 4 * size)
        if rest or not 1 <= count <= most:
            raise UserError(
                f"latent: must be 1 to {most} vectors of {size} float32 numbers. Received: {len(content)} bytes"
            )
        latent = np.frombuffer(content, "<f4").reshape(count, size).astype(np.float32)
        if not np.isfinite(latent).all():
            raise UserError("latent: must be finite numbers. Received: NaN or infinity among them")
        return latent

    def pixels(self, which: Which, latent: Any) -> Any:
        """Return the images of latent vectors, uint8 (N, H, W, C).

        Raises:
            UserError: there is no such class.
        """
        painter = self.painter(which)
        return painter.pixels(latent, self._labels(which, len(latent)))

    def directions(self, which: Which) -> Directions:
        """Return the directions of a generator; the first call computes them."""
        with self._once:
            return self._directions(which.source, which.version)

    def neighbours(self, which: Which, latent: Any) -> Mapping[str, Any]:
        """Return the training images nearest to the image of a latent vector (1, size), as data for JSON."""
        source = self.source(which.source)
        with self._once:
            if which.source not in self._neighbourhoods:
                self._neighbourhoods[which.source] = Neighbourhood(source.images())
            found = self._neighbourhoods[which.source]
        return {
            "neighbours": [
                {"png": data_uri(png_of(near.pixels, enlarged=False)), "distance": near.distance, "name": near.name}
                for near in found.of(self.pixels(which, latent)[0])
            ],
            "usual": found.usual,
            "compared": found.compared,
        }

    def stages(self, which: Which, latent: Any) -> Mapping[str, Any]:
        """Return what both networks do with the picture of a latent vector (1, size), as data for JSON."""
        painter = self.painter(which)
        # Keras takes no list of tensors and arrays.
        given = [tf.convert_to_tensor(each) for each in painter.inputs(latent, self._labels(which, 1))]
        networks = self.source(which.source).networks(which.version)
        generator, discriminator = networks.generator, networks.discriminator
        answer: dict[str, Any] = {"generator": [*map(_stage, stage_maps(generator, given))], "discriminator": []}
        if not self.source(which.source).has_discriminator:
            return {**answer, "missing": "This file holds a generator without its discriminator."}
        judged = image_inputs(discriminator, painter.values(*given), given[1:])
        logit = float(np.asarray(discriminator.model(judged if len(judged) > 1 else judged[0], training=False))[0, 0])
        return {
            **answer,
            "discriminator": [*map(_stage, stage_maps(discriminator, judged))],
            "logit": logit if np.isfinite(logit) else None,
        }

    def drawing(self, number: int) -> str:
        """Return the picture of both networks of a source, an SVG."""
        from dcgan_kit.reports.network_picture import network_picture

        source = self.source(number)
        return network_picture(source.recipe, source.networks(source.versions[0].key))

    def file(self, which: Which, latent: Any, kind: str, columns: int, steps: int) -> tuple[bytes, str]:
        """Return images as the content of a file, and its media type.

        Args:
            which: the generator.
            latent: latent vectors (N, size).
            kind: ``picture``: the first image, as it is; ``grid``: all, enlarged; ``walk``: a closed walk through the
                latent vectors as a moving picture.
            columns: columns of a grid.
            steps: images from one latent vector of a walk to the next.

        Raises:
            UserError: there is no such kind, or a number is out of its range.
        """
        if kind == "picture":
            return png_of(self.pixels(which, latent[:1])[0], enlarged=False), "image/png"
        if kind == "grid":
            if not 1 <= columns <= len(latent) or len(latent) % columns:
                raise UserError(f"columns: {len(latent)} images must fill whole rows. Received: {columns}")
            return png_of(grid_of(self.pixels(which, latent), len(latent) // columns, columns)), "image/png"
        if kind != "walk":
            raise UserError(f"kind: must be picture, grid or walk. Received: {kind!r}")
        if not 2 <= steps <= 60 or not 2 <= len(latent) <= MOST_STOPS:
            raise UserError(
                f"a walk goes through 2 to {MOST_STOPS} latent vectors, in 2 to 60 steps from each to the next"
            )
        return _moving(self.pixels(which, walk(latent, steps))), "image/gif"

    def inversion(self, which: Which, content: bytes, steps: int, seed: int) -> tuple[Inversion, Any]:
        """Return the search for a latent vector, and the picture as the network sees it, uint8 (H, W, C).

        Args:
            which: the generator; a class of ``turn`` tries all classes.
            content: the picture, an image file.
            steps: number of optimizer steps.
            seed: seed of the starts.
        """
        source = self.source(which.source)
        target = target_of_bytes(content, source.recipe, "the picture")
        label = None if which.label == "turn" else self._labels(which, 1)
        return Inversion(source.painter(which.version), target, source.vectors(DRAWS, seed), label, steps), target

    def _labels(self, which: Which, count: int) -> Any:
        classes = self.source(which.source).recipe.classes
        if classes is None or which.label is None:
            return 0
        if which.label == "turn":
            return np.arange(count) % classes
        if not 0 <= which.label < classes:
            raise UserError(f"class {which.label}: there are the classes 0 to {classes - 1}")
        return which.label

    def _computed_directions(self, number: int, version: str) -> Directions:
        source = self.source(number)
        latent = source.vectors(DIRECTION_DRAWS, DIRECTION_SEED)
        return directions(source.painter(version), latent, np.arange(len(latent)) % (source.recipe.classes or 1))


def _facts(source: Source) -> Mapping[str, Any]:
    recipe, image = source.recipe, source.recipe.image
    return {
        "name": source.name,
        "recipe": recipe.name,
        "height": image.spec.height,
        "width": image.spec.width,
        "latent": recipe.latent_size,
        "latentText": f"{recipe.latent.component.name}, {recipe.latent_size} numbers",
        "deviation": source.deviation,
        "classes": source.class_names,
        "versions": [{"key": version.key, "text": version.text} for version in source.versions],
        "notes": source.notes,
    }


def _stage(found: StageMaps) -> Mapping[str, Any]:
    return {
        "name": found.name,
        "shape": times(found.shape),
        "range": found.range,
        "maps": None if found.maps is None else data_uri(found.maps),
        "shown": found.shown,
        "channels": found.shape[-1],
        "activations": [
            {"name": each.name, "flat": each.flat, "silent": each.silent, "channels": each.channels}
            for each in found.activations
        ],
    }


def _moving(images: Any) -> bytes:
    import io

    from PIL import Image

    from dcgan_kit.reports.moving_picture import moving_picture, on_paper

    frames = [on_paper(Image.open(io.BytesIO(png_of(image)))) for image in images]
    return moving_picture(frames, [MILLISECONDS] * len(frames), "gif")
