"""``check_component``: every built-in passes, the sample plugins pass, and each broken one is reported what it breaks."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest
from PIL import Image

from dcgan_kit import Features
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_builtins, load_plugins
from dcgan_kit.testing import check_component

# One needs a file of weights; tests/plugins/test_extractor.py checks it. The others learn for half a minute, unless
# options say otherwise.
APART = ("inception_v3", "self_classifier", "self_reconstruction")
BUILT_IN = [c for c in load_builtins().registry if c.kind != "data" and c.name not in APART]


@pytest.mark.parametrize("component", BUILT_IN, ids=str)
def test_built_ins_keep_their_contracts(component):
    check_component(component)


@pytest.mark.parametrize("demanded", [False, True], ids=["may differ", "give the same twice"])
@pytest.mark.parametrize("name", ["downsample/max_pool", "downsample/conv_max_pool", "attention/self_attention"])
def test_contracts_do_not_depend_on_whether_operations_give_the_same_twice(name, demanded, determinism):
    determinism(demanded)
    check_component(load_builtins().registry.find(*name.split("/")))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("upsample/transposed_conv", {"kernel_size": 5, "padding": "valid"}),
        ("upsample/resize_conv", {"interpolation": "bicubic"}),
        ("downsample/strided_conv", {"kernel_size": (3, 5)}),
        ("downsample/blur_pool", {"size": 5}),
        ("normalization/batch", {"sampling": "batch"}),
        ("normalization/conditional_batch", {"sampling": "batch"}),
        ("normalization/layer", {"over": "channels"}),
        ("normalization/self_modulated_batch", {"hidden": 0}),
        ("projection/learned_constant", {"modulate": False, "without": ["input_gradient"]}),
        ("conditioning/concatenate", {"embedding": 2}),
        ("head/auxiliary_classifier", {"generated_class": True}),
        ("activation/tanh", {"low": 0.0}),
        ("head/dense", {"dropout": 0.5}),
        ("loss/non_saturating", {"label_smoothing": 0.1, "label_flipping": 0.1, "label_noise": 0.05}),
        ("loss/minimax", {"label_flipping": 0.5}),
        ("loss/least_squares", {"fake_label": -1.0, "generator_label": 0.0, "label_noise": 0.1}),
        ("loss/relativistic_average", {"base": "hinge"}),
        ("loss/relativistic_average", {"base": "least_squares"}),
        ("loss/relativistic_paired", {"base": "hinge"}),
        ("loss/relativistic_paired", {"base": "least_squares"}),
        ("penalty/dragan", {"every": 16}),
        ("probe/checkerboard", {"periods": (3, 5), "images": 20}),
        ("augmentation/diffaugment", {"policy": ("cutout",)}),
        ("schedule/linear", {"start": 0.5, "to": 0.1}),
        ("schedule/warm_up", {"steps": 10_000}),
        ("optimizer/sgd", {"momentum": 0, "nesterov": True}),
        ("extractor/self_classifier", {"steps": 3}),
        ("extractor/self_reconstruction", {"steps": 3}),
    ],
)
def test_built_ins_keep_their_contracts_with_other_options(name, options):
    kind, _, bare = name.partition("/")
    check_component(load_builtins().registry.find(kind, bare), **options)


def test_sources_of_images_keep_their_contract(tmp_path):
    registry = load_builtins().registry
    check_component(registry.find("data", "fashion_mnist_4k"))
    np.savez(tmp_path / "some.npz", x=np.zeros((3, 8, 6, 3), np.uint8), y=np.arange(3))
    check_component(registry.find("data", "npz"), shapes=[(8, 6, 3)], path=str(tmp_path / "some.npz"))
    Image.new("RGB", (20, 20)).save(tmp_path / "one.png")
    check_component(registry.find("data", "images"), shapes=[(8, 6, 3), (16, 16, 1)], path=str(tmp_path))


@pytest.fixture(scope="module")
def swish(sample_plugins):
    """The sample distribution's module, imported from its source."""
    folder = str(sample_plugins / "dcgan-kit-swish" / "src")
    sys.path.insert(0, folder)
    try:
        yield importlib.import_module("dcgan_kit_swish")
    finally:
        sys.path.remove(folder)


def test_a_strangers_components_keep_their_contracts(swish, sample_plugins):
    for component in swish.dcgan_kit_components():
        check_component(component)
    check_component(swish.mish_like, sharpness=3.0)
    folder = load_plugins(PluginSettings(folders=(sample_plugins / "folder",)))
    for owner in ("bent", "descent"):
        for component in folder.find(owner).components:
            check_component(component)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("halves", r"must keep the shape of its input. Received: \(8, 8, 8\)"),
        ("wrong_channels", r"must return its input's 16 channels or the 16 requested. Received: \(16, 16, 17\)"),
        ("grows", r"must not return a map larger than its input. Received: \(16, 16, 16\)"),
        ("no_layer", r"must return a keras.Layer, or a sequence .*Received: 'layers.BatchNormalization\(\)'"),
        ("raises_in_factory", r"its factory failed: KeyError: 'level 3'"),
        ("raises_in_call", r"applying .* failed: ZeroDivisionError: by nought"),
        ("two_outputs", r"must map one tensor to one tensor"),
        (
            "many_logits",
            r"must return one logit per image, shape \(1,\), or also one per class, \(4,\), and one for "
            r"generated images, \(5,\). Received: \(10,\)",
        ),
        ("shared", r"must return fresh layers at each call"),
        ("explodes", r"given normal noise, training=False: must return finite numbers"),
        ("steep", r"must have finite gradients"),
        ("unsaved", r"saving and loading it failed: .*register_keras_serializable"),
        ("fails_in_training", r"no training for me"),
        ("no_initializer", r"must return a keras.initializers.Initializer. Received: 1"),
        ("short", r"must draw \(5, 10\). Received: \(5, 9\)"),
        ("forgetful", r"must draw the same for the same seed"),
        ("no_loss", r"must return an AdversarialLoss"),
        ("vector_loss", r"of the generator, .*must be a scalar. Received: shape \(3, 1\)"),
        (
            "moody_loss",
            r"of the discriminator, .*must be the same for the same random stream; draw .* from 'random' alone",
        ),
        ("half_loss", r"of the generator, .*must be float32. Received: float16"),
        ("no_penalty", r"must return a Penalty: .*Received: <function"),
        ("vector_penalty", r"of a usual discriminator of \(8, 8, 1\): must be a scalar. Received: shape \(4, 1\)"),
        ("rare_penalty", r"every must be a whole number from 1 up. Received: 0"),
        ("steep_penalty", r"of a flat discriminator of \(8, 8, 1\): must have finite gradients"),
        ("deaf_penalty", r"must have gradients by the discriminator's weights, and has none"),
        ("wrong_penalty", r"failed: InvalidArgumentError: .*ConcatOp"),
        ("no_augmentation", r"must return an Augmentation: .*Received: <function"),
        ("crops", r"must return float32 \(4, 8, 8, 1\). Received: float32 \(4, 7, 8, 1\)"),
        ("restless", r"at probability 0: must not change the images"),
        ("rounds", r"must pass gradients on to the images"),
        ("certain", r"its state must begin with a probability, from 0 to 1. Received: \(2.0,\)"),
        ("stateless", r"its state must begin with a probability, from 0 to 1. Received: \(\)"),
        ("growing", r"must return a state of float32 \(1,\). Received: float32 \(2,\)"),
        ("runaway", r"must keep the probability from 0 to 1. Received: 1.2"),
        ("no_schedule", r"must return a function .*Received: 0.5"),
        ("negative_schedule", r"at step 999 of 1000: must not be negative. Received: -0.998"),
        ("endless_schedule", r"at step 1000 of 1000: must be finite"),
        ("whole_schedule", r"at step 0 of 1000: must be float32. Received: int32"),
        ("no_probe", r"must return a Probe: .*Received: <function"),
        ("placeless", r"must return numbers by 'place/name', and gave {'size': 1.0}"),
        ("endless_probe", r"must give finite numbers. Received: {'generator/size': inf}"),
        ("moody_probe", r"must give the same numbers for the same networks"),
        ("surgeon", r"must change nothing, and changed discriminator/0000/"),
        ("quack", r"diagnose must return dcgan_kit.Findings, and gave \('sick',\)"),
        ("no_optimizer", r"must return a keras.optimizers.Optimizer. Received: 'adam'"),
        ("no_constraint", r"must return a function from a keras.Layer .*Received: 7"),
        ("floats", r"must return dcgan_kit.Images with uint8 pixels \(returned: float64\)"),
        ("other_size", r"of shape \(N, 28, 28, 1\) \(returned: \(10, 29, 28, 1\)\)"),
        ("nothing", r"with at least one image \(returned: none\)"),
        ("few_labels", r"with one label for each of the 10 images \(returned: \(9,\)\)"),
        ("bare_array", r"must return dcgan_kit.Images \(returned: ndarray\)"),
        ("raises", r"its factory failed: ConnectionError: the bucket is on fire"),
    ],
)
def test_what_is_broken_is_told(name, message, sample_plugins):
    plugins = load_plugins(PluginSettings(folders=(sample_plugins / "broken",)))
    (component,) = [c for c in plugins.find("bad_components").components if c.name == name]
    with pytest.raises(AssertionError, match=rf"(?s)^{component.kind} bad_components/{name}.*{message}"):
        check_component(component)


@pytest.fixture(scope="module")
def doubtful(sample_plugins):
    """Components that look right and are not, and some that look wrong and are right, by name."""
    plugins = load_plugins(PluginSettings(folders=(sample_plugins / "doubtful",)))
    return {component.name: component for component in plugins.find("doubtful").components}


NO_GRADIENT = r"no gradient reaches its input, so that nothing before it learns"
DOUBTFUL = {
    "stopped": NO_GRADIENT,
    "rounded": NO_GRADIENT,
    "signs": NO_GRADIENT,
    "compared": NO_GRADIENT,
    "by_numpy": NO_GRADIENT,
    "by_python": r"compiling it with XLA failed: .*XLA has no EagerPyFunc.*without_xla='the reason'",
    "printed": r"compiling it with XLA failed: .*XLA has no AsString",
    "adds_constant": r"in mixed_bfloat16: calling it failed: .*Cast constants to inputs.dtype",
    "multiplies_array": r"in mixed_bfloat16: .*Cast constants to inputs.dtype",
    "overflows_in_half": r"in mixed_float16: must be finite, with its gradients",
    "doubles": r"must return float32. Received: float64",
    "eager_only": r"must give the same numbers inside a tf.function",
    "counts": r"must give the same numbers each time outside training",
    "by_chance": r"must give the same numbers each time outside training",
    "fixed_batch": r"given 1 images, must return the shape \(1, 8, 8, 16\). Received: \(4, 8, 8, 16\)",
    "largest_place": NO_GRADIENT,
    "quantized": NO_GRADIENT,
    "hidden_variable": r"must not keep a variable that Keras does not know: .*Use add_weight\(\)",
    "hidden_state": r"must not keep a variable that Keras does not know: .*Use add_weight\(\)",
    "unused_weight": r"no gradient reaches its weight unused\w*/gain, so that it never learns",
    "detached_kernel": r"no gradient reaches its weight detached\w*/kernel, so that it never learns",
    "forgets_option": r"gives other numbers in training after being saved and loaded; does get_config\(\) return every option",
    "unseeded_dropout": r"draws other numbers in training each time; give its random layers seed=site.seed\(\)",
    "always_dropout": r"must give the same numbers each time outside training",
    "over_rows": r"takes channels first, and maps are \(H, W, C\)",
    "lambda_layer": r"saving and loading it failed: .*Lambda",
    "no_config": r"saving and loading it failed: .*get_config\(\)",
    "opaque_config": r"saving and loading it failed: .*Cannot serialize object",
    "fails_in_training": r"training=True: calling it failed: ValueError: not in training",
    "looks_at_tensors": r"inside a tf.function, training=True: calling it failed: .*bool",
    "stopped_latent": NO_GRADIENT,
    "signed_logit": NO_GRADIENT,
    "stopped_loss": r"of the generator: no gradient reaches the logits of generated images",
    "deaf_loss": r"of the discriminator: no gradient reaches the logits of real images",
    "python_loss": r"compiling it with XLA failed: .*XLA has no EagerPyFunc",
    "flat_penalty": r"its gradients by the discriminator's weights are always 0",
    "stopped_augmentation": r"at probability 0: must pass gradients on to the images",
    "traced_gradient": r"the gradient of the input differs when XLA compiles it",
    "hidden_resize": r"at \(8, 8, 16\), factor=3: the output differs when XLA compiles it",
    "traced_loss": r"the gradient of the logits of generated images differs when XLA compiles it",
    "counting_optimizer": r"inside a tf.function, must move weights in the same way; keep its state in variables of add_variable",
}
SOUND = (
    "straight_through",
    "closed_gate",
    "counted_steps",
    "frozen_convolution",
    "declared",
    "declared_loss",
    "exact_logit",
    "one_sided",
    "all_cut_out",
)


@pytest.mark.parametrize("name", DOUBTFUL)
def test_what_is_doubtful_is_told(name, doubtful):
    component = doubtful[name]
    with pytest.raises(AssertionError, match=rf"(?s)^{component.kind} doubtful/{name}.*{DOUBTFUL[name]}"):
        check_component(component)


@pytest.mark.parametrize("name", SOUND)
def test_what_only_looks_doubtful_passes(name, doubtful):
    check_component(doubtful[name])


def test_every_doubtful_component_is_tried(doubtful):
    assert sorted(doubtful) == sorted((*DOUBTFUL, *SOUND))


def test_an_author_may_say_what_a_component_does_without(doubtful):
    check_component(doubtful["by_python"], without=["xla"])
    check_component(doubtful["python_loss"], without=["xla"])
    check_component(doubtful["adds_constant"], without=["mixed_precision"])
    with pytest.raises(AssertionError, match="in mixed_bfloat16"):
        check_component(doubtful["adds_constant"], without=["xla"])
    with pytest.raises(
        ValueError, match=r"without must name some of xla, mixed_precision, input_gradient. Received: jit"
    ):
        check_component(doubtful["by_python"], without=["jit"])


def test_a_component_that_draws_its_weights_by_chance_is_told():
    from dcgan_kit import component

    @component("convolution")
    def careless(site):
        """Draws other first weights each time."""
        from keras import layers

        return layers.Conv2D(site.filters, 3, padding="same")

    with pytest.raises(
        AssertionError, match=r"first weights of .*kernel differ at the same place; draw them from site.seed"
    ):
        check_component(careless)


def test_options_that_are_not_valid_are_told():
    leaky = load_builtins().registry.find("activation", "leaky_relu")
    with pytest.raises(AssertionError, match=r"leaky_relu: its options are not valid"):
        check_component(leaky, negative_slope=2.0)
    with pytest.raises(AssertionError, match=r"npz: its options are not valid"):
        check_component(load_builtins().registry.find("data", "npz"))


class _Kept:
    """Keeps all features."""

    def __init__(self):
        self.parts = []

    def add(self, pixels, description):
        self.parts.append(description.features)

    def summary(self):
        return {"features": np.concatenate(self.parts)}


class _LastBatch(_Kept):
    """Keeps the last batch only."""

    def summary(self):
        return {"features": self.parts[-1]}


def _score(compare, better=None, start=_Kept):
    from dcgan_kit import Gathering, Score, component

    @component("score")
    def odd():
        """Is odd.  features → float."""
        return Score(Gathering("odd", start), compare, {"odd": "lower"} if better is None else better)

    return odd


def _spoiling(sides):
    sides.reference["features"][:] = 0.0
    return {"odd": 1.0}


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (_score(lambda sides: {"odd": float("inf")}), r"odd must be a finite float. Received: inf"),
        (_score(lambda sides: {"even": 1.0}), r"returned \['even'\], and 'better' lists others"),
        (_score(lambda sides: {}), r"returned no number"),
        (
            _score(lambda sides: {"odd": 1.0}, {"odd": "left"}),
            r"'better' must give the better direction of each number",
        ),
        (_score(_spoiling), r"compare must not change the summaries"),
        (_score(lambda sides: 1.0), r"compare must return numbers by name. Received: 1.0"),
        (
            _score(lambda sides: {"odd": 1.0}, start=lambda: None),
            r"start must return an accumulator, with add and summary. Received: None",
        ),
        (
            _score(lambda sides: {"odd": float(sides.fake["features"].sum())}, start=_LastBatch),
            r"odd must not depend on the sizes of batches",
        ),
    ],
)
def test_a_score_that_breaks_its_contract_is_told(score, message):
    with pytest.raises(AssertionError, match=rf"(?s)^score odd.*{message}"):
        check_component(score)


@pytest.mark.parametrize(
    ("describe", "message"),
    [
        (lambda pixels: pixels, "describe must return a dcgan_kit.Features"),
        (lambda pixels: Features(np.zeros((3, 2), "float32")), r"features must be float32 or float64 \(7, D\)"),
        (lambda pixels: Features(np.full((len(pixels), 2), np.nan)), "features must be finite"),
        (lambda pixels: Features(np.full((len(pixels), 2), pixels.mean())), "must not depend on the rest of the batch"),
        (
            lambda pixels: Features(np.ones((len(pixels), 2)), np.ones((len(pixels), 2))),
            "it must return probabilities if and only if 'classifies' is True",
        ),
    ],
)
def test_an_extractor_that_breaks_its_contract_is_told(describe, message):
    from dcgan_kit import Extractor, component

    @component("extractor")
    def odd(images):
        """Is odd.  (N, H, W, C) → (N, 2)."""
        return Extractor(describe, "k")

    with pytest.raises(AssertionError, match=rf"(?s)^extractor odd of \(28, 28, 1\): .*{message}"):
        check_component(odd)
