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
    assert found.facts["share that the best linear map leaves"] > 0


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
        assert text.count("max(30, 45, 23, 43) = 45") >= 2, "in the drawing's caption and in the list"
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
    [("a.txt", "ends in one of .png, .svg"), ("a.gif", "has no steps that can be drawn"), ("", "ends in one of")],
)
def test_a_file_that_cannot_be_drawn_is_refused(file, message, tmp_path):
    with pytest.raises(UserError, match=message):
        draw_explanation([explain("relu", settings=BUILT_IN)], tmp_path / file)


def test_a_page_lists_steps_that_cannot_be_drawn(tmp_path):
    draw_explanation([explain("batch", settings=BUILT_IN)], tmp_path / "a.html")
    assert "mean μ = (2 + 4 + 4 + 6) / 4 = 4" in (tmp_path / "a.html").read_text()


def test_there_must_be_something_to_draw(tmp_path):
    with pytest.raises(UserError, match="at least one"):
        draw_explanation([], tmp_path / "a.png")


def test_an_optimizer_that_diverges_is_said_to():
    found = explain("sgd", "learning_rate=1.0", settings=BUILT_IN)
    assert "it diverges: at step" in found.sentences[0]
    assert "NaN" in str(found) or "inf" in str(found)
    json.dumps(dict(found.facts), allow_nan=False)


def test_a_loss_with_random_labels_is_drawn_for_many_images():
    def at(*options):
        found = explain("non_saturating", *options, settings=BUILT_IN)
        return np.array(found.facts["discriminator's loss over the logit of a real image"]["loss"])

    plain, flipped = at(), at("label_flipping=0.3")
    expected = 0.7 * plain + 0.3 * plain[::-1]
    np.testing.assert_allclose(flipped, expected, atol=0.25)


BROKEN = """
import keras
from dcgan_kit import AdversarialLoss, component, hookimpl


class Raises(keras.layers.Layer):
    def call(self, inputs):
        raise KeyError("lost")


class Several(keras.layers.Layer):
    def call(self, inputs):
        return [inputs, inputs]


@component("activation")
def raises():
    "Raise."
    return Raises()


@component("activation")
def several():
    "Return two tensors."
    return Several()


@component("activation")
def stepped():
    "Have no gradient."
    return keras.layers.Lambda(lambda x: keras.ops.sign(x))


@component("activation")
def infinite():
    "Divide by 0."
    return keras.layers.Lambda(lambda x: 1.0 / (0.0 * x))


@component("downsample")
def vector():
    "Return no map."
    return keras.layers.Flatten()


@component("upsample")
def no_layer():
    "Return no layer."
    return 3


class Placed(keras.layers.Layer):
    def build(self, shape):
        self.weight = self.add_weight(shape=shape[1:3])

    def call(self, inputs):
        return keras.ops.repeat(keras.ops.repeat(inputs * self.weight[None, :, :, None], 2, 1), 2, 2)


@component("upsample")
def placed():
    "Weigh each place of the map."
    return Placed()


@component("initializer")
def no_initializer():
    "Return no initializer."
    return lambda *_: 0


@component("latent")
def flat(*, size: int = 4):
    "Draw too few numbers."
    return lambda count, seed: keras.ops.zeros((count,))


@component("schedule")
def falls_over():
    "Raise."
    def factor(step, steps):
        raise RuntimeError("no such step")
    return factor


@component("loss")
def text():
    "Return text."
    return AdversarialLoss(lambda *_: "a", lambda *_: "b")


@hookimpl
def dcgan_kit_components():
    return [raises, several, stepped, infinite, vector, placed, no_layer, no_initializer, flat, falls_over, text]
"""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raises", "lost"),
        ("several", "must return one tensor"),
        ("infinite", "not finite"),
        ("vector", "must return a map"),
        ("no_layer", "returned 3"),
        ("no_initializer", "keras.initializers.Initializer"),
        ("flat", "must return"),
        ("falls_over", "no such step"),
        ("text", "worked example failed"),
    ],
)
def test_a_strangers_mistake_is_answered_with_its_name(name, message, tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN)
    with pytest.raises(UserError, match=message) as refused:
        explain(name, settings=PluginSettings(folders=(tmp_path,)))
    assert name in str(refused.value)


def test_a_step_has_no_gradient_anywhere(tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN)
    found = explain("stepped", settings=PluginSettings(folders=(tmp_path,)))
    assert found.sentences[0] == "It has no gradient anywhere."


def test_squeeze_and_excitation_sees_every_pixel():
    assert explain("squeeze_excitation", settings=BUILT_IN).facts["share of pixels with a gradient"] == 1


def test_weights_of_places_do_not_fit_a_larger_map(tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN)
    found = explain("placed", settings=PluginSettings(folders=(tmp_path,)))
    assert found.sentences[0].startswith("Its weights depend on the size of the map")
