"""``check`` refuses what training would refuse when it compiles, takes its first step, or saves: no less and no more."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from dcgan_kit.adversarial import session as session_module
from dcgan_kit.adversarial.dry_run import require_trainable, unsupported_by_xla
from dcgan_kit.adversarial.session import Session
from dcgan_kit.adversarial.training_components import build_parts
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import ComponentError, RecipeError
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.recipes.loading import load_recipe

RECIPE = """version: 1
extends: dcgan
image: {size: 8, channels: 1}
latent: {size: 4}
generator:
  input: {projection: {use: dense, size: 2}, filters: 2}
  stages: [{filters: 2}]
discriminator:
  stages: [{filters: 2, normalization: none, bias: true}]
  output: {head: dense, bias: true}
data: fashion_mnist_4k
training: {precision: float32, steps: 2, batch_size: 8, ema: 0, xla: off}
distribute: {strategy: one_device}
"""
G, D = "generator.stages.0.", "discriminator.stages.0."
BFLOAT16, FLOAT16, XLA = "training.precision=mixed_bfloat16", "training.precision=mixed_float16", "training.xla=on"
CASES = {
    "a Lambda in G cannot be saved": (f"{G}activation=lambda_layer",),
    "a Lambda in D need not be saved": (f"{D}activation=lambda_layer",),
    "no get_config": (f"{G}activation=no_config",),
    "a configuration that JSON has not": (f"{G}activation=opaque_config",),
    "an error in training only": (f"{D}regularizer=fails_in_training",),
    "an if over tensors": (f"{D}regularizer=looks_at_tensors",),
    "another number of images": (f"{D}regularizer=fixed_batch",),
    "a float32 constant": (f"{G}activation=adds_constant", BFLOAT16),
    "a float32 tensor of Keras'": (f"{D}activation=multiplies_array", FLOAT16),
    "a float32 constant in float32": (f"{G}activation=adds_constant",),
    "Python under XLA": (f"{G}activation=by_python", XLA),
    "Python without XLA": (f"{G}activation=by_python",),
    "no gradient trains, badly": (f"{D}activation=rounded",),
    "max pooling under XLA": (f"{D}downsample=conv_max_pool", XLA),
    "bicubic resizing under XLA": (f"{G}upsample={{use: resize_conv, interpolation: bicubic}}", XLA),
}
REFUSED = (
    "a Lambda in G cannot be saved", "no get_config", "a configuration that JSON has not", "an error in training only",
    "an if over tensors", "another number of images", "a float32 constant", "a float32 tensor of Keras'",
    "Python under XLA", "max pooling under XLA", "bicubic resizing under XLA",
)  # fmt: skip


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, sample_plugins):
    """Return a function (*overrides) -> LoadedRecipe with doubtful components at hand."""
    file = tmp_path_factory.mktemp("dry") / "dry8.yaml"
    file.write_text(RECIPE)
    settings = PluginSettings(folders=(sample_plugins / "doubtful",))
    return lambda *overrides: load_recipe(str(file), overrides, settings)


def _checked(loaded):
    networks = build_networks(loaded.recipe, symbolic=True)
    require_trainable(loaded.recipe, networks, build_parts(loaded.recipe), loaded.plugins.third_party)


def _trained(loaded, folder):
    """What training does itself, without a look ahead: builds, compiles, takes a step, saves."""
    session = Session.create(loaded.recipe)
    pixels = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), np.uint8)
    batches = session.batches(Images(pixels), 0, 1)
    np.asarray(session.compile()(*batches, tf.constant(0, tf.int64)))
    session.state.networks.generator.model.save(folder / "generator.keras")


@pytest.mark.parametrize("case", CASES)
def test_check_and_train_agree(case, loaded, monkeypatch, tmp_path):
    recipe = loaded(*CASES[case])
    try:
        _checked(recipe)
    except (ComponentError, RecipeError):
        checked = False
    else:
        checked = True
    monkeypatch.setattr(session_module, "require_trainable", lambda *_: None)
    try:
        _trained(recipe, tmp_path)
    except Exception:
        trained = False
    else:
        trained = True
    assert checked == trained == (case not in REFUSED)


def test_the_owner_the_place_and_the_way_out_are_told(loaded):
    with pytest.raises(ComponentError) as raised:
        _checked(loaded(f"{G}activation=adds_constant", "training.precision=auto"))
    assert raised.value.path == ("generator", "stages", 0, "activation")
    message = str(raised.value)
    assert message.startswith("activation doubtful/adds_constant: stage1_activation of the generator failed: ")
    assert message.endswith(
        "(training.precision 'auto' may mean mixed_bfloat16: cast constants to inputs.dtype, or choose "
        "training.precision=float32)"
    )


def test_auto_is_refused_on_every_machine_alike(loaded):
    """Whether this one is faster in bfloat16 is not asked."""
    recipe = loaded(f"{G}activation=adds_constant", "training.precision=auto")
    with pytest.raises(ComponentError, match="'auto' may mean mixed_bfloat16"):
        Session.create(recipe.recipe, third_party=recipe.plugins.third_party)


def _reasons(recipe):
    return unsupported_by_xla(recipe, build_networks(recipe, symbolic=True))


def test_where_xla_cannot_compile_a_layer_auto_does_without(loaded):
    resized = loaded(f"{G}upsample={{use: resize_conv, interpolation: bicubic}}").recipe
    assert _reasons(resized) == ["XLA has no bicubic resizing (stage1_upsample_resize)"]
    assert _reasons(loaded().recipe) == []


def test_where_xla_computes_a_layer_wrongly_it_is_refused(loaded):
    tripled = ("image.size=12", f"{G}upsample={{use: bilinear, factor: 3}}", "generator.output.upsample=nearest")
    recipe = loaded(*tripled, XLA)
    assert _reasons(recipe.recipe) == ["XLA computes bilinear resizing by an odd ratio wrongly (stage1_upsample)"]
    with pytest.raises(
        RecipeError, match=r"training.xla: XLA computes .* wrongly \(stage1_upsample\); choose auto or off"
    ):
        _checked(recipe)


def test_what_a_component_declares_is_kept(loaded, sample_plugins):
    recipe = loaded(f"{G}activation=declared", "training.loss=declared_loss", XLA)
    expected = [
        "activation doubtful/declared does without XLA: it calls Python (generator.stages.0.activation)",
        "loss doubtful/declared_loss does without XLA: it calls Python (training.loss)",
    ]
    assert sorted(_reasons(recipe.recipe)) == expected
    with pytest.raises(RecipeError, match=r"does without XLA: it calls Python \(training.loss\).*; choose auto or off"):
        _checked(recipe)
