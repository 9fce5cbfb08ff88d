"""Every component of a kind that has an example is explained, a stranger's too, and can be drawn."""

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from dcgan_kit import draw_explanation, explain, list_components
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import UserError
from dcgan_kit.explanations.examples import EXPLAINED

BUILT_IN = PluginSettings(builtins_only=True)
COMPONENTS = [f"{one.kind}/{one.name}" for one in list_components(settings=BUILT_IN) if one.kind in EXPLAINED]


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_is_explained(name):
    found = explain(name, settings=BUILT_IN)
    assert found.panels
    assert found.sentences
    assert all(sentence.endswith(".") for sentence in found.sentences)
    json.dumps(dict(found.facts), allow_nan=False)
    assert found.summary in str(found)
    assert len({step.text for step in found.steps}) == len(found.steps)


def test_components_of_a_stranger_are_explained_too(sample_plugins):
    found = explain("bent", settings=PluginSettings(folders=(sample_plugins / "folder",)))
    assert (found.kind, found.owner) == ("activation", "bent")
    assert found.facts["share that no linear map explains"] > 0


def test_a_loss_has_the_gradients_of_its_formula():
    found = explain("non_saturating", settings=BUILT_IN).facts["generator's loss over the logit of a generated image"]
    logits = np.array(found["logit"])
    np.testing.assert_allclose(found["loss"], np.log1p(np.exp(-logits)), rtol=1e-5)
    np.testing.assert_allclose(found["gradient"], -1 / (1 + np.exp(logits)), rtol=1e-5)


def test_spectral_normalization_stretches_nothing_by_more_than_one():
    found = explain("constraint/spectral", settings=BUILT_IN).facts
    assert found["with"][0] == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(
        np.array(found["with"]) / found["with"][0], np.array(found["without"]) / found["without"][0], rtol=1e-4
    )


@pytest.mark.parametrize("form", ["png", "svg", "gif", "html"])
def test_an_example_is_drawn(form, tmp_path):
    found = explain("max_pool", settings=BUILT_IN)
    file = tmp_path / f"pool.{form}"
    draw_explanation([found], file)
    content = file.read_bytes()
    if form == "gif":
        with Image.open(file) as image:
            assert image.n_frames == len(found.steps)
    elif form == "png":
        with Image.open(file) as image:
            assert np.ptp(np.asarray(image.convert("L"))) > 100
    elif form == "svg":
        assert ElementTree.fromstring(content).tag.endswith("svg")
    else:
        text = content.decode()
        assert text.count("<figure") == len(found.steps) + 1
        assert "max(30, 45, 23, 43) = 45" in text
        assert "://" not in text.replace("http://www.w3.org", "")
    draw_explanation([found], file)
    assert file.read_bytes() == content, "equal examples give equal bytes"


def test_several_examples_are_drawn_in_one_picture(tmp_path):
    relu, leaky = (explain(name, settings=BUILT_IN) for name in ("relu", "leaky_relu"))
    draw_explanation([relu], tmp_path / "one.png")
    draw_explanation([relu, leaky], tmp_path / "two.png")
    with Image.open(tmp_path / "one.png") as one, Image.open(tmp_path / "two.png") as two:
        assert two.height == pytest.approx(2 * one.height, abs=1)


@pytest.mark.parametrize(
    ("file", "message"),
    [("a.txt", "ends in one of .png, .svg"), ("a.gif", "has no steps"), ("", "ends in one of")],
)
def test_a_file_that_cannot_be_drawn_is_refused(file, message, tmp_path):
    with pytest.raises(UserError, match=message):
        draw_explanation([explain("relu", settings=BUILT_IN)], tmp_path / file)
