"""The section of a report in which its reader samples: the generator itself, with a runtime that computes it."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from typing import Any

from dcgan_kit.errors import UserError
from dcgan_kit.reports.browser_runtime import BrowserRuntime
from dcgan_kit.reports.content import GeneratorPlayer, Section, Table

LARGEST_PAGE = 15 * 10**6
"""Most bytes of a page with a generator: what mail servers and browsers still take without trouble."""
SLIDERS = 6
"""Most coordinates of the latent vector with a slider."""


@dataclass(frozen=True)
class EmbeddedGenerator:
    """A generator for a page.

    Attributes:
        model: it as ONNX: {latent, classes} → {image}, float32.
        runtime: what computes it in a browser.
        latent: the latent vectors that readers choose from, float32 (N, size).
        shape: height, width and channels of an image.
        value_range: values of the darkest and the brightest pixel.
        classes: the title of each class; empty if the recipe has none.
        step: number of steps that it was trained.
        difference: greatest difference between images of the ONNX model and those of Keras, in the network's range.
    """

    model: bytes
    runtime: BrowserRuntime
    latent: Any
    shape: tuple[int, int, int]
    value_range: tuple[float, float]
    classes: tuple[str, ...]
    step: int
    difference: float


def generator_section(generator: EmbeddedGenerator) -> Section:
    """Return the section."""
    runtime = generator.runtime
    parts = {
        "runtime-module": runtime.module,
        "runtime-binary": runtime.binary,
        "generator-model": generator.model,
        "generator-latent": generator.latent.astype("<f4").tobytes(),
    }
    settings = {
        "shape": generator.shape,
        "range": generator.value_range,
        "size": generator.latent.shape[1],
        "count": len(generator.latent),
        "classes": len(generator.classes),
    }
    player = GeneratorPlayer(
        settings=json.dumps(settings),
        parts=tuple((name, packed(content)) for name, content in parts.items()),
        count=len(generator.latent),
        width=generator.shape[1],
        height=generator.shape[0],
        classes=generator.classes,
        coordinates=min(SLIDERS, generator.latent.shape[1]),
        size=generator.latent.shape[1],
        farthest=f"{max(3.0, float(abs(generator.latent).max())):.1f}",
    )
    rows = (
        ("generator", f"step {generator.step:,}, {len(generator.model):,} bytes of ONNX"),
        (
            "difference from Keras",
            f"at most {generator.difference:.2g} in values from {_between(generator.value_range)}",
        ),
        ("runtime", f"ONNX Runtime Web {runtime.version}, Copyright (c) Microsoft Corporation, MIT License"),
        *((f"SHA-256 of {name}", one) for name, one in runtime.sums),
    )
    lead = (
        "The generator is inside this page and computes in your browser, without a network and without a server. "
        "Latent vectors are those that `dcgan-kit sample` draws with seed 0. Truncation moves a vector towards 0: "
        "samples become more usual, and more alike."
    )
    return Section("sampling", "Sample by yourself", lead, (player, Table("What is embedded", ("", "value"), rows)))


def require_size(page: bytes, generator: EmbeddedGenerator) -> None:
    """Check that a page with a generator is small enough to open and to send.

    Raises:
        UserError: it is not.
    """
    if len(page) > LARGEST_PAGE:
        raise UserError(
            f"generator: the page would have {len(page) / 1e6:.1f} MB, more than {LARGEST_PAGE // 10**6} MB; the "
            f"generator alone has {len(generator.model) / 1e6:.1f} MB. `dcgan-kit export` writes it to a file, and a "
            "report without --generator has no such limit"
        )


def packed(content: bytes) -> str:
    """Return bytes as text: compressed by gzip, then base64."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode("ascii")


def _between(value_range: tuple[float, float]) -> str:
    return f"{value_range[0]:g} to {value_range[1]:g}"
