"""Which components of generators can be exported in which format: every shipped upsampling, and others that matter.

``docs/export.md`` has the table. This test fails if the table says anything else than what happens.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.errors import UserError
from dcgan_kit.exports.exporter import convert
from dcgan_kit.exports.formats import FORMATS
from dcgan_kit.exports.replacements import REPLACEMENTS
from dcgan_kit.exports.snippet import snippet
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.runs.image_grid import classes_in_turn, generated, latent_vectors

PAGE = Path(__file__).parents[2] / "docs" / "export.md"
MODELS = tuple(name for name, form in FORMATS.items() if form.write)
BASE = """version: 1
extends: dcgan
image: {size: 8, channels: 1}
latent: {size: 6}
generator:
  input: {projection: {use: dense, size: 2}, filters: 8}
  stages:
    - filters: 8
discriminator:
  stages:
    - {filters: 8, normalization: none, bias: true}
  output: {head: dense, bias: true}
data: fashion_mnist_4k
training: {steps: 1}
"""
CLASSES = ("condition.classes=10", "discriminator.output.head=projection")
CASES = {
    "upsample/nearest": ("generator.upsample=nearest",),
    "upsample/bilinear": ("generator.upsample=bilinear",),
    "upsample/fir": ("generator.upsample=fir",),
    "upsample/transposed_conv": (),
    "upsample/transposed_conv (padding: symmetric)": (
        "generator.upsample={use: transposed_conv, kernel_size: 5, padding: symmetric}",
    ),
    "upsample/resize_conv": ("generator.upsample=resize_conv",),
    "upsample/resize_conv (interpolation: bicubic)": ("generator.upsample={use: resize_conv, interpolation: bicubic}",),
    "upsample/pixel_shuffle": ("generator.upsample=pixel_shuffle",),
    "upsample/conv": ("generator.stages=[{filters: 8, upsample: conv}, {filters: 8, upsample: transposed_conv}]",),
    "normalization/group": ("generator.normalization={use: group, groups: 2}",),
    "normalization/conditional_batch": (*CLASSES, "generator.normalization=conditional_batch"),
    "conditioning/concatenate": (*CLASSES, "generator.input.conditioning=concatenate"),
    "attention/self_attention": ("generator.stages.0.attention=self_attention",),
    "activation/gelu": ("generator.activation=gelu",),
    "constraint/spectral": ("generator.constraint=spectral",),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    file = tmp_path_factory.mktemp("base") / "base.yaml"
    file.write_text(BASE)
    return file


def lively(generator, seed=0):
    """Give a generator weights whose images use all grey levels, and statistics that are not those of the start."""
    rng = np.random.default_rng(seed)
    for weight in generator.weights:
        low, high = (0.5, 1.5) if weight.path.endswith(("variance", "gamma")) else (-0.5, 0.5)
        if weight.dtype == "float32":
            weight.assign(rng.uniform(low, high, weight.shape))
    return generator


def difference(form, generator, recipe, folder):
    """Export to a format, run the program of the model card here, and compare 3 images."""
    path = folder / f"model{form.suffix}"
    convert(generator, recipe, form, path)
    labels = len(generator.inputs) > 1
    latent = np.asarray(latent_vectors(recipe, 3, 0))
    names = {"latent": latent, "label": np.arange(3, dtype=np.int32)}
    code = snippet(form, str(path), recipe, labels)
    exec(f"{code.imports}\n{code.call}", names)
    expected = generated(generator, latent, recipe.image.range, classes_in_turn(recipe, 3) if labels else None)
    assert expected.std() > 20
    assert names["images"].shape == expected.shape
    assert names["images"].dtype == np.uint8
    return int(np.abs(names["images"].astype(int) - expected).max())


def found(form, generator, recipe, folder):
    """Return a cell of the table."""
    try:
        levels = difference(form, generator, recipe, folder)
    except UserError as error:
        return f"no: {str(error).partition('does not know the operation ')[2] or error}"
    assert levels <= 1, levels
    return "yes"


def test_every_upsampling_is_tried():
    names = {f"{one.kind}/{one.name}" for one in load_builtins().registry if one.kind == "upsample"}
    assert names <= set(CASES)


def page_table():
    """The table of the page: what it says for each case and format."""
    rows = re.findall(r"^\| `(\w+/\w+)`( \([^)]+\))? \|(.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {f"{name}{detail}": [cell.strip() for cell in cells.split("|")] for name, detail, cells in rows}


@pytest.mark.slow
def test_the_page_says_what_happens(base, resolve, tmp_path):
    table = {}
    for number, (case, overrides) in enumerate(CASES.items()):
        recipe = resolve(base, *overrides)
        generator = lively(build_networks(recipe).generator.model)
        folder = tmp_path / str(number)
        folder.mkdir()
        table[case] = [found(FORMATS[name], generator, recipe, folder) for name in MODELS]
    assert page_table() == table


def test_an_operation_that_a_converter_does_not_know_is_named(base, resolve, tmp_path, monkeypatch):
    """tf2onnx logs it, and writes a file that no runtime loads."""
    monkeypatch.delitem(REPLACEMENTS, "onnx")
    recipe = resolve(base, "generator.activation=gelu")
    with pytest.raises(UserError, match=r"^an ONNX file cannot hold .* does not know the operation Erfc$"):
        convert(build_networks(recipe).generator.model, recipe, FORMATS["onnx"], tmp_path / "model.onnx")
