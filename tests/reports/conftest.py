"""Run folders made of files that are written here; nothing is trained."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from chromium import Browser
from PIL import Image

from dcgan_kit.recipes.yaml_writer import as_data, as_yaml
from dcgan_kit.reports.comparisons import CheckpointAnalysis, Neighbours, Pair
from dcgan_kit.reports.overlap import Overlap
from dcgan_kit.reports.spectrum import power

FD = "fd[fashion_classifier@1a2b3c4d,28x28x1,n=100,val=50@5e6f7a8b]"


def write_lines(path, lines):
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))


def write_grid(path, brightness, rows=2, columns=2, size=(28, 28), enlarged=4, mode="L"):
    pixels = np.full((rows * size[0], columns * size[1], len(mode)), brightness, np.uint8)
    pixels[:: size[0]] = 255
    image = Image.fromarray(pixels[:, :, 0] if mode == "L" else pixels)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.resize((image.width * enlarged, image.height * enlarged), 0).save(path)


@pytest.fixture(scope="session")
def recipe_text(resolve):
    """Return a function (*overrides) -> the resolved recipe tiny-fashion28 as a run folder holds it."""
    return lambda *overrides: as_yaml(as_data(resolve("tiny-fashion28", *overrides)))


@pytest.fixture(scope="session")
def make_run(recipe_text):
    """Return a function (path, *overrides) -> a run folder of 40 steps with everything that there can be."""

    def make_run(path: Path, *overrides: str) -> Path:
        path.mkdir(parents=True)
        (path / "recipe.yaml").write_text(recipe_text("training.sample_grid=[2, 2]", "training.steps=40", *overrides))
        facts = {"dcgan_kit": "0.1.0", "images": 4000, "devices": "one CPU", "precision": "float32"}
        plugins = [{"name": "loss", "origin": "built-in"}, {"name": "theirs", "origin": "entry point"}]
        (path / "environment.json").write_text(json.dumps({**facts, "packages": {"keras": "3"}, "plugins": plugins}))
        lines = [training(step) for step in range(2, 41, 2)]
        lines += [
            {"step": step, "generator.stage1.activation/dead": step / 100, "samples/spread": 0.8}
            for step in (0, 20, 40)
        ]
        lines += [{"step": 20, FD: 30.0, f"floor/{FD}": 2.5}, {"step": 40, FD: 20.0}]
        write_lines(path / "metrics.jsonl", lines)
        write_lines(path / "speed.jsonl", [{"step": step, "images_per_second": 160.0} for step in range(2, 41, 2)])
        write_lines(path / "findings.jsonl", [finding(40)])
        (path / "evaluation.json").write_text(json.dumps(EVALUATION))
        for step in (0, 20, 40):
            write_grid(path / "samples" / f"step-{step:06d}.png", step)
            write_grid(path / "samples" / f"step-{step:06d}-raw.png", 2 * step)
        return path

    return make_run


@pytest.fixture
def run(make_run, tmp_path):
    """A run folder with everything that there can be."""
    return make_run(tmp_path / "garments")


@pytest.fixture
def analyses():
    """What looking at the run ``garments`` found."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (8, 28, 28, 1), np.uint8)
    pairs = tuple(Pair(image, image, 12.345) for image in images[:3])
    return {
        "garments": CheckpointAnalysis(
            step=40,
            overlaps=(Overlap("stage1_upsample", "transposed_conv, kernel 3, stride 2", (2, 1), (2, 1)),),
            spectra=(power(images), power(images)),
            neighbours=Neighbours(pairs, 256, 25.0, 37.5, False, 4000),
            real=np.zeros((56, 56, 1), np.uint8),
        )
    }


def training(step):
    return {
        "step": step,
        "generator_loss": 1.0 + 1.0 / step,
        "discriminator_loss": 0.7 + math.sin(step) / 10,
        "discriminator_real": 0.6,
        "discriminator_fake": 0.4,
        "penalty": 0.0,
        "generator_gradient": 3.0,
        "discriminator_gradient": 30.0,
        "generator_rate": 2e-4,
        "discriminator_rate": 2e-4,
        "augmentation": 0.0,
    }


def finding(step):
    return {
        "step": step,
        "disease": "dead channels",
        "where": "generator.stage1.activation",
        "observation": "40 % dead channels",
        "value": 0.4,
        "baseline": 0.0,
        "advice": "leaky_relu instead of relu",
        "page": "",
    }


EVALUATION = {
    "version": 1,
    "of": {"run": "runs/garments", "step": 40},
    "numbers": [
        {
            "name": FD,
            "number": "fd",
            "value": 20.0,
            "floor": 2.5,
            "floor_samples": 50,
            "better": "lower",
            "protocol": {"extractor": "fashion_classifier@1a2b3c4d", "samples": 100, "split": "val"},
        }
    ],
    "notes": ["features by fashion_classifier"],
}


@pytest.fixture(scope="session")
def score_key():
    """The full name of the run's score."""
    return FD


@pytest.fixture(scope="session")
def lines():
    """Return a function (path, lines): write JSON lines; text goes as it is."""
    return write_lines


@pytest.fixture(scope="session")
def grid():
    """Return a function (path, brightness, rows, columns, size, enlarged, mode): write the PNG of a sample grid."""
    return write_grid


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium, with an empty profile."""
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()
