"""The drawing of networks: to scale, complete, nothing overlaps, safe for any name."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from math import sqrt
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.summary import summarize
from dcgan_kit.reports.map_box import MapBox, MapScale
from dcgan_kit.reports.network_picture import network_picture
from dcgan_kit.reports.network_stages import staged
from dcgan_kit.reports.palette import palette
from dcgan_kit.reports.text_width import cut, text_width, wrapped

SVG = "{http://www.w3.org/2000/svg}"
SHIPPED = sorted(load_builtins().recipes)
EVERYTHING = (
    "condition={classes: 10}",
    "generator.input.conditioning=concatenate",
    "generator.stages=[{filters: 8, name: averyveryverylongstagename1234, normalization: self_modulated_batch, "
    "constraint: spectral, shortcut: {order: [convolution, upsample, normalization], join: concatenate, scale: 0.5}}, "
    "{filters: 8, upsample: null, repeat: 3, order: [convolution, activation, attention], attention: self_attention}]",
    "discriminator.stages=[{filters: 8, conditioning: label_map}, {filters: 8, downsample: blur_pool, shortcut: true}]",
    "discriminator.output.head={use: projection, pool: none}",
)


@pytest.fixture(scope="module")
def drawn(resolve):
    """Return a function (recipe, *overrides, unfold=False) -> the SVG as a tree."""

    @cache
    def drawn(name, *overrides, unfold=False):
        recipe = resolve(name, *overrides)
        return ElementTree.fromstring(network_picture(recipe, build_networks(recipe, symbolic=True), unfold))

    return drawn


@pytest.fixture(scope="module")
def stages(resolve):
    """Return a function (recipe, *overrides, unfold=False) -> the stages of the generator and the discriminator."""

    @cache
    def stages(name, *overrides, unfold=False):
        recipe = resolve(name, *overrides)
        made = build_networks(recipe, symbolic=True)
        pairs = ((made.generator, recipe.generator), (made.discriminator, recipe.discriminator))
        return [staged(network, summarize(network), plan, unfold).stages for network, plan in pairs]

    return stages


def texts(root):
    return [element.text for element in root.iter(f"{SVG}text")]


def boxes(root):
    """The text, and left, top, right and bottom, of each text, as wide as the widest font makes it."""
    for element in root.iter(f"{SVG}text"):
        size, x, y = (float(element.get(name)) for name in ("font-size", "x", "y"))
        width = text_width(element.text, size, element.get("font-weight") == "bold")
        left = x - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[element.get("text-anchor")]
        yield element.text, left, y - 0.76 * size, left + width, y + 0.24 * size


def polygon(element):
    return [tuple(map(float, point.split(","))) for point in element.get("points").split()]


def require_room(root):
    width, height = (float(root.get(name)) for name in ("width", "height"))
    found = list(boxes(root))
    for text, left, top, right, bottom in found:
        assert left >= 0, text
        assert top >= 0, text
        assert right <= width, text
        assert bottom <= height, text
    for (one, *a), (other, *b) in combinations(found, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (one, other)
    for element in (*root.iter(f"{SVG}polygon"), *root.iter(f"{SVG}polyline")):
        assert all(0 <= x <= width and 0 <= y <= height for x, y in polygon(element))


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "dcgan"])
def test_texts_of_shipped_recipes_neither_overlap_nor_leave_the_picture(drawn, name):
    require_room(drawn(name))


def test_texts_of_single_copies_do_not_overlap(drawn):
    require_room(drawn("r3gan-cifar32", unfold=True))


def test_texts_do_not_overlap_where_everything_branches(drawn):
    root = drawn("tiny-fashion28", *EVERYTHING)
    require_room(root)
    assert {"class", "latent", "concatenate x 0.5", "self_attention", "constraint spectral"} <= set(texts(root))


def test_maps_are_to_scale(drawn, stages):
    root = drawn("wide-images48x96")
    fronts = [polygon(e) for e in root.iter(f"{SVG}polygon") if e.get("fill-opacity") == "0.3"]
    shapes = [stage.shape for stage in stages("wide-images48x96")[0]]
    latent, *drawn_stages = fronts[: 1 + len(shapes)]
    scale = drawn_stages[0][2][1] - drawn_stages[0][0][1]
    assert shapes[0] == (3, 6, 512)
    for front, (height, _, channels) in zip(drawn_stages, shapes, strict=True):
        (left, top), _, (right, bottom), _ = front
        assert bottom - top == pytest.approx(scale * sqrt(height / 3), abs=0.02)
        assert right - left == pytest.approx(
            (drawn_stages[0][2][0] - drawn_stages[0][0][0]) * sqrt(channels / 512), abs=0.02
        )
    # A vector is a map of one pixel.
    assert latent[2][1] - latent[0][1] == pytest.approx(scale * sqrt(1 / 3), abs=0.02)


def test_a_wider_map_is_deeper():
    scale = MapScale.of([(48, 96, 3), (100,)])
    assert (scale.side, scale.channels) == (96, 100)
    high, wide = MapBox.of((96, 24, 3), scale), MapBox.of((24, 96, 3), scale)
    assert wide.depth == pytest.approx((2 * high.depth[0], 2 * high.depth[1]))
    assert high.height == pytest.approx(2 * wide.height)


def test_a_stage_with_a_shortcut(stages):
    stage = stages("sngan-cifar32")[0][1]
    assert (stage.name, stage.shape, stage.parameters) == ("stage1", (8, 8, 256), 1_248_000)
    assert [step.text for step in stage.steps] == [
        "batch", "relu", "nearest", "conv 3x3", "batch", "relu", "conv 3x3",
    ]  # fmt: skip
    assert [step.text for step in stage.shortcut] == ["nearest", "conv 1x1"]
    assert stage.join.text == "add"


def test_a_shortcut_that_does_nothing(stages):
    stage = stages("sngan-cifar32")[1][2]
    assert (stage.name, stage.copies, stage.constraint, stage.shortcut) == ("stage3", 2, "spectral", ())


def test_a_stage_says_where_it_is_wider_inside(stages):
    assert [step.text for step in stages("r3gan-cifar32")[0][1].steps] == [
        "conv 1x1 to 1536", "leaky_relu", "conv 3x3", "leaky_relu", "conv 1x1 to 768",
    ]  # fmt: skip


def test_copies_are_drawn_once_or_one_by_one(drawn):
    folded, unfolded = texts(drawn("r3gan-cifar32")), texts(drawn("r3gan-cifar32", unfold=True))
    assert folded.count("blocks8 x 2") == 2
    assert folded.count("2 x 2,583,552 parameters") == 8
    assert [unfolded.count(f"blocks8.{copy}") for copy in (1, 2, 3)] == [2, 2, 0]
    assert not [text for text in unfolded if " x 2" in text]


def test_copies_of_which_the_first_differs(stages):
    overrides = ["generator.stages=[{filters: 8, repeat: 3, order: [upsample, activation, convolution]}]"]
    found = [(stage.name, stage.copies) for stage in stages("tiny-fashion28", *overrides)[0]]
    assert found[1:3] == [("stage1.1", 1), ("stage1.2", 2)]


def test_equal_recipes_give_equal_bytes(resolve):
    recipes = [resolve("sngan-cifar32") for _ in range(2)]
    one, two = (network_picture(recipe, build_networks(recipe, symbolic=True)) for recipe in recipes)
    assert one == two
    page = Path(__file__).parents[2] / "docs" / "images" / "sngan-cifar32-networks.svg"
    assert page.read_text() == one, "draw it again: dcgan-kit show sngan-cifar32 --picture FILE"


@pytest.mark.parametrize(
    "name", ['<script>alert("1")</script>&amp;', "a\x01\x1b[31m\u202eb\udcff\nc", "W" * 3000, "構造" * 300]
)
def test_any_name_is_text(resolve, name):
    recipe = resolve("tiny-fashion28").model_copy(update={"name": name})
    text = network_picture(recipe, build_networks(recipe, symbolic=True))
    root = ElementTree.fromstring(text.encode())
    require_room(root)
    assert "<script" not in text
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "desc", "style", "rect", "text", "polygon", "polyline", "circle",
    }  # fmt: skip
    assert not [key for element in root.iter() for key in element.attrib if "href" in key or key.startswith("on")]
    assert "url(" not in text


def test_a_reader_who_cannot_see_it_gets_a_description(drawn):
    root = drawn("tiny-fashion28", *EVERYTHING)
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert title.text == "The networks of tiny-fashion28"
    assert "stage2.2 x 2: conv 3x3, relu, self_attention; returns 14x14x8." in description.text
    assert "shortcut: conv 3x3, transposed_conv 4x4" in description.text


def test_each_colour_has_one_for_the_dark(drawn):
    root = drawn("sngan-cifar32")
    style = root.find(f"{SVG}style").text
    assert style.startswith("@media (prefers-color-scheme: dark){")
    for name in {name for element in root.iter() for name in element.get("class", "").split()}:
        assert f".{name}{{" in style


def luminance(colour):
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme):
    colours = getattr(palette(), scheme)

    def contrast(one, other):
        low, high = sorted(luminance(colours[name]) for name in (one, other))
        return (high + 0.05) / (low + 0.05)

    # WCAG 2.2: 4.5 for text (1.4.3), 3 for signs and lines that carry meaning (1.4.11).
    for paper in ("paper", "panel"):
        assert min(contrast(ink, paper) for ink in ("ink", "soft")) >= 4.5
        assert min(contrast(f"series-{number}", paper) for number in range(1, 7)) >= 3
    assert contrast("faint", "paper") >= 3


def test_long_texts_are_cut_and_broken():
    assert cut("generator", 1000.0, 10.0) == "generator"
    short = cut("generator" * 9, 100.0, 10.0)
    assert short.endswith("…")
    assert text_width(short, 10.0) <= 100.0
    assert wrapped("one two three", 45.0, 10.0) == ["one two", "three"]
