"""The ten published models, layer by layer, written down by hand from their public sources.

Each layer reads as one word of facts, so that the whole of a network is seen at a glance:

    convT 5/2 256 same -       transposed convolution, kernel/stride, filters, padding, - without or + with bias
    conv 5/2 256 same +        convolution
    dense 16384 -              dense layer
    bn, relu, leaky 0.2, tanh, sigmoid, dropout 0.3, reshape, flatten, mean, times 16
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.summary import summarize

PARAMETERS = {
    "radford-faces64": (18_885_760, 17_232_768),
    "tensorflow-mnist28": (2_305_472, 212_865),
    "pytorch-celeba64": (3_576_704, 2_765_568),
    "keras-celeba64": (3_979_651, 404_801),
    "carpedm20-celeba64": (5_135_363, 4_316_545),
    "comparegan-celeba64": (5_364_739, 4_316_545),
    "tfgan-cifar32": (1_228_355, 1_034_113),
    "coursera-mnist28": (747_841, 9_105),
    "studiogan-cifar32": (3_812_355, 2_931_009),
    "mmgeneration-64": (12_658_435, 11_036_289),
}
LATENT = {
    "radford-faces64": 100,
    "tensorflow-mnist28": 100,
    "pytorch-celeba64": 100,
    "keras-celeba64": 128,
    "carpedm20-celeba64": 100,
    "comparegan-celeba64": 128,
    "tfgan-cifar32": 64,
    "coursera-mnist28": 64,
    "studiogan-cifar32": 128,
    "mmgeneration-64": 100,
}
RADFORD_D = [
    ("conv 5/2 128 same -", 32), "leaky 0.2",
    ("conv 5/2 256 same -", 16), "bn", "leaky 0.2",
    ("conv 5/2 512 same -", 8), "bn", "leaky 0.2",
    ("conv 5/2 1024 same -", 4), "bn", "leaky 0.2",
    "flatten", "dense 1 -",
]  # fmt: skip
CARPEDM20_G = [
    "dense 8192 +", ("reshape", 4), "bn", "relu",
    ("convT 5/2 256 same +", 8), "bn", "relu",
    ("convT 5/2 128 same +", 16), "bn", "relu",
    ("convT 5/2 64 same +", 32), "bn", "relu",
    ("convT 5/2 3 same +", 64), "tanh",
]  # fmt: skip
CARPEDM20_D = [
    ("conv 5/2 64 same +", 32), "leaky 0.2",
    ("conv 5/2 128 same +", 16), "bn", "leaky 0.2",
    ("conv 5/2 256 same +", 8), "bn", "leaky 0.2",
    ("conv 5/2 512 same +", 4), "bn", "leaky 0.2",
    "flatten", "dense 1 +",
]  # fmt: skip
LAYERS = {
    "radford-faces64": (
        [
            "dense 16384 -", "bn", "relu", ("reshape", 4),
            ("convT 5/2 512 same -", 8), "bn", "relu",
            ("convT 5/2 256 same -", 16), "bn", "relu",
            ("convT 5/2 128 same -", 32), "bn", "relu",
            ("convT 5/2 3 same -", 64), "tanh",
        ],
        RADFORD_D,
    ),
    "tensorflow-mnist28": (
        [
            "dense 12544 -", "bn", "leaky 0.3", ("reshape", 7),
            ("convT 5/1 128 same -", 7), "bn", "leaky 0.3",
            ("convT 5/2 64 same -", 14), "bn", "leaky 0.3",
            ("convT 5/2 1 same -", 28), "tanh",
        ],
        [
            ("conv 5/2 64 same +", 14), "leaky 0.3", "dropout 0.3",
            ("conv 5/2 128 same +", 7), "leaky 0.3", "dropout 0.3",
            "flatten", "dense 1 +",
        ],
    ),
    "pytorch-celeba64": (
        [
            ("reshape", 1), ("convT 4/1 512 valid -", 4), "bn", "relu",
            ("convT 4/2 256 same -", 8), "bn", "relu",
            ("convT 4/2 128 same -", 16), "bn", "relu",
            ("convT 4/2 64 same -", 32), "bn", "relu",
            ("convT 4/2 3 same -", 64), "tanh",
        ],
        [
            ("conv 4/2 64 same -", 32), "leaky 0.2",
            ("conv 4/2 128 same -", 16), "bn", "leaky 0.2",
            ("conv 4/2 256 same -", 8), "bn", "leaky 0.2",
            ("conv 4/2 512 same -", 4), "bn", "leaky 0.2",
            ("conv 4/1 1 valid -", 1), "flatten",
        ],
    ),
    "keras-celeba64": (
        [
            "dense 8192 +", ("reshape", 8),
            ("convT 4/2 128 same +", 16), "leaky 0.2",
            ("convT 4/2 256 same +", 32), "leaky 0.2",
            ("convT 4/2 512 same +", 64), "leaky 0.2",
            ("conv 5/1 3 same +", 64), "sigmoid",
        ],
        [
            ("conv 4/2 64 same +", 32), "leaky 0.2",
            ("conv 4/2 128 same +", 16), "leaky 0.2",
            ("conv 4/2 128 same +", 8), "leaky 0.2",
            "flatten", "dropout 0.2", "dense 1 +",
        ],
    ),
    "carpedm20-celeba64": (CARPEDM20_G, CARPEDM20_D),
    # 0.5 tanh + 0.5
    "comparegan-celeba64": ([*CARPEDM20_G, "times 0.5 plus 0.5"], CARPEDM20_D),
    "tfgan-cifar32": (
        [
            "dense 4096 +", "bn", "relu", ("reshape", 4),
            ("convT 5/2 128 same +", 8), "bn", "relu",
            ("convT 4/2 64 same +", 16), "bn", "relu",
            ("convT 4/2 3 same +", 32), "tanh",
        ],
        [
            ("conv 5/2 64 same +", 16), "leaky 0.2",
            ("conv 5/2 128 same +", 8), "bn", "leaky 0.2",
            ("conv 5/2 256 same +", 4), "bn", "leaky 0.2",
            "flatten", "dense 1 +",
        ],
    ),
    "coursera-mnist28": (
        [
            ("reshape", 1), ("convT 3/2 256 valid +", 3), "bn", "relu",
            ("convT 4/1 128 valid +", 6), "bn", "relu",
            ("convT 3/2 64 valid +", 13), "bn", "relu",
            ("convT 4/2 1 valid +", 28), "tanh",
        ],
        [
            ("conv 4/2 16 valid +", 13), "bn", "leaky 0.2",
            ("conv 4/2 32 valid +", 5), "bn", "leaky 0.2",
            ("conv 4/2 1 valid +", 1), "flatten",
        ],
    ),
    "studiogan-cifar32": (
        [
            "dense 8192 +", ("reshape", 4),
            ("convT 4/2 256 same +", 8), "bn", "relu",
            ("convT 4/2 128 same +", 16), "bn", "relu",
            ("convT 4/2 64 same +", 32), "bn", "relu",
            ("conv 3/1 3 same +", 32), "tanh",
        ],
        [
            ("conv 3/1 64 same +", 32), "bn", "relu", ("conv 4/2 64 same +", 16), "bn", "relu",
            ("conv 3/1 128 same +", 16), "bn", "relu", ("conv 4/2 128 same +", 8), "bn", "relu",
            ("conv 3/1 256 same +", 8), "bn", "relu", ("conv 4/2 256 same +", 4), "bn", "relu",
            ("conv 3/1 512 same +", 4), "bn", "relu",
            # The sum over height and width: the mean of 4x4 pixels, times 16.
            "mean", "times 16 plus 0", "dense 1 +",
        ],
    ),
    "mmgeneration-64": (
        [
            ("reshape", 1), ("convT 4/1 1024 valid -", 4), "bn", "relu",
            ("convT 4/2 512 same -", 8), "bn", "relu",
            ("convT 4/2 256 same -", 16), "bn", "relu",
            ("convT 4/2 128 same -", 32), "bn", "relu",
            ("convT 4/2 3 same +", 64), "tanh",
        ],
        [
            ("conv 4/2 128 same +", 32), "leaky 0.01",
            ("conv 4/2 256 same -", 16), "bn", "leaky 0.01",
            ("conv 4/2 512 same -", 8), "bn", "leaky 0.01",
            ("conv 4/2 1024 same -", 4), "bn", "leaky 0.01",
            ("conv 4/1 1 valid +", 1), "flatten",
        ],
    ),
}  # fmt: skip
NORMAL = ("RandomNormal", 0.0, 0.02)
KERNELS = {
    "radford-faces64": NORMAL,
    "tensorflow-mnist28": ("GlorotUniform",),
    "pytorch-celeba64": NORMAL,
    "carpedm20-celeba64": NORMAL,
    "comparegan-celeba64": NORMAL,
    "tfgan-cifar32": ("TruncatedNormal", 0.0, 0.02),
    "coursera-mnist28": NORMAL,
    "studiogan-cifar32": ("Orthogonal",),
    "mmgeneration-64": NORMAL,
}
EPSILON_AND_MOMENTUM = {
    "radford-faces64": (1e-8, None),
    "carpedm20-celeba64": (1e-5, 0.9),
    "comparegan-celeba64": (1e-5, 0.9),
    "tfgan-cifar32": (1e-5, 0.9),
    "studiogan-cifar32": (1e-4, None),
}
SCALES = {
    "radford-faces64": ("RandomNormal", 1.0, 0.02),
    "pytorch-celeba64": ("RandomNormal", 1.0, 0.02),
    "mmgeneration-64": ("RandomNormal", 0.0, 1.0),
}
NAMES = sorted(PARAMETERS)


@pytest.fixture(scope="module")
def symbolic(resolve):
    """Return a function name -> symbolic networks, built once."""
    built = {}

    def symbolic(name):
        if name not in built:
            built[name] = build_networks(resolve(name), symbolic=True)
        return built[name]

    return symbolic


def all_layers(network):
    return [layer for layer in network.model.layers if not isinstance(layer, layers.InputLayer)]


def facts(layer):
    if isinstance(layer, (layers.Conv2D, layers.Conv2DTranspose)):
        kind = "convT" if isinstance(layer, layers.Conv2DTranspose) else "conv"
        assert len(set(layer.kernel_size)) == len(set(layer.strides)) == 1
        assert layer.dilation_rate == (1, 1)
        assert layer.activation is keras.activations.linear
        bias = "+" if layer.use_bias else "-"
        return f"{kind} {layer.kernel_size[0]}/{layer.strides[0]} {layer.filters} {layer.padding} {bias}"
    if isinstance(layer, layers.Dense):
        assert layer.activation is keras.activations.linear
        return f"dense {layer.units} {'+' if layer.use_bias else '-'}"
    if isinstance(layer, layers.BatchNormalization):
        assert layer.scale
        assert layer.center
        assert layer.axis in (-1, len(layer.input.shape) - 1)
        return "bn"
    if isinstance(layer, layers.LeakyReLU):
        return f"leaky {layer.negative_slope:g}"
    if isinstance(layer, layers.ReLU):
        assert (layer.max_value, layer.negative_slope, layer.threshold) == (None, 0.0, 0.0)
        return "relu"
    if isinstance(layer, layers.Activation):
        return layer.activation.__name__
    if isinstance(layer, layers.Dropout):
        return f"dropout {layer.rate:g}"
    if isinstance(layer, layers.Rescaling):
        return f"times {layer.scale:g} plus {layer.offset:g}"
    named = {layers.Reshape: "reshape", layers.Flatten: "flatten", layers.GlobalAveragePooling2D: "mean"}
    return named[type(layer)]


@pytest.mark.parametrize("name", NAMES)
def test_parameters(name, symbolic):
    networks = symbolic(name)
    counted = tuple(summarize(n).trainable_parameters for n in (networks.generator, networks.discriminator))
    assert counted == PARAMETERS[name]
    by_keras = tuple(
        sum(int(np.prod(v.shape)) for v in n.model.trainable_variables)
        for n in (networks.generator, networks.discriminator)
    )
    assert by_keras == PARAMETERS[name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_layers(name, role, symbolic):
    network = getattr(symbolic(name), role)
    expected = LAYERS[name][role == "discriminator"]
    assert [facts(layer) for layer in all_layers(network)] == [e if isinstance(e, str) else e[0] for e in expected]
    for layer, written in zip(all_layers(network), expected, strict=True):
        if not isinstance(written, str):
            assert layer.output.shape[1:3] == (written[1], written[1]), layer.name


@pytest.mark.parametrize("name", NAMES)
def test_ends(name, symbolic):
    networks = symbolic(name)
    last = [written for written in LAYERS[name][0] if not isinstance(written, str)][-1]
    image = (None, last[1], last[1], 1 if name.endswith("mnist28") else 3)
    assert networks.generator.model.input_shape == (None, LATENT[name])
    assert networks.generator.model.output_shape == networks.discriminator.model.input_shape == image
    assert networks.discriminator.model.output_shape == (None, 1)


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_first_kernels(name, symbolic):
    networks = symbolic(name)
    for layer in [*all_layers(networks.generator), *all_layers(networks.discriminator)]:
        if not isinstance(layer, (layers.Conv2D, layers.Conv2DTranspose, layers.Dense)):
            continue
        initializer = layer.kernel_initializer
        law = (
            type(initializer).__name__,
            *(getattr(initializer, k) for k in ("mean", "stddev") if k in vars(initializer)),
        )
        assert law == KERNELS[name], layer.name
        if layer.use_bias:
            assert type(layer.bias_initializer).__name__ == "Zeros"


def test_every_layer_draws_from_a_seed_of_its_own(symbolic):
    for name in NAMES:
        networks = symbolic(name)
        seeds = [
            layer.kernel_initializer.seed
            for network in (networks.generator, networks.discriminator)
            for layer in all_layers(network)
            if hasattr(layer, "kernel_initializer")
        ]
        assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize("name", NAMES)
def test_batch_normalization(name, symbolic):
    networks = symbolic(name)
    norms = [
        layer
        for network in (networks.generator, networks.discriminator)
        for layer in all_layers(network)
        if isinstance(layer, layers.BatchNormalization)
    ]
    assert bool(norms) == (name != "keras-celeba64")
    epsilon, momentum = EPSILON_AND_MOMENTUM.get(name, (None, None))
    for layer in norms:
        if epsilon is not None:
            assert layer.epsilon == epsilon
        if momentum is not None:
            assert layer.momentum == momentum
        scale = layer.gamma_initializer
        law = (type(scale).__name__, *(getattr(scale, k) for k in ("mean", "stddev") if k in vars(scale)))
        assert law == SCALES.get(name, ("Ones",))


@pytest.mark.parametrize(
    ("name", "rate", "beta_1", "epsilon", "batch"),
    [
        ("radford-faces64", 2e-4, 0.5, None, 128),
        ("tensorflow-mnist28", 1e-4, 0.9, None, 256),
        ("pytorch-celeba64", 2e-4, 0.5, None, 64),
        ("keras-celeba64", 1e-4, 0.9, None, 32),
        ("carpedm20-celeba64", 2e-4, 0.5, None, 64),
        ("tfgan-cifar32", 2e-4, 0.5, None, 32),
        ("coursera-mnist28", 2e-4, 0.5, None, 128),
        ("studiogan-cifar32", 2e-4, 0.5, 1e-6, 64),
    ],
)
def test_optimizers_and_batches(name, rate, beta_1, epsilon, batch, resolve):
    training = resolve(name).training
    assert training.batch_size == batch
    for choice in (training.generator.optimizer, training.discriminator.optimizer):
        optimizer = choice.build()
        assert type(optimizer).__name__ == "Adam"
        assert float(optimizer.learning_rate) == pytest.approx(rate)
        assert optimizer.beta_1 == beta_1
        if epsilon is not None:
            assert optimizer.epsilon == epsilon


@pytest.mark.parametrize("name", NAMES)
def test_data_and_latent_law(name, resolve):
    recipe = resolve(name)
    unit = name in ("keras-celeba64", "comparegan-celeba64")
    assert recipe.image.range == ((0.0, 1.0) if unit else (-1.0, 1.0))
    uniform = {"radford-faces64", "carpedm20-celeba64", "comparegan-celeba64"}
    assert recipe.latent.component.name == ("uniform" if name in uniform else "normal")
    if name in uniform:
        assert (recipe.latent.options["low"], recipe.latent.options["high"]) == (-1.0, 1.0)


@pytest.mark.parametrize("name", ["coursera-mnist28", "tfgan-cifar32"])
def test_a_real_build_computes_images_and_logits(name, resolve):
    networks = build_networks(resolve(name))
    z = np.random.default_rng(0).standard_normal((4, LATENT[name])).astype("float32")
    images = np.asarray(networks.generator.model(z, training=False))
    assert images.shape == (4, *resolve(name).image.shape)
    assert np.isfinite(images).all()
    assert np.abs(images).max() <= 1.0
    assert len({image.tobytes() for image in images}) == 4
    logits = np.asarray(networks.discriminator.model(images, training=False))
    assert logits.shape == (4, 1)
    assert np.isfinite(logits).all()
    counted = tuple(
        sum(int(np.prod(v.shape)) for v in n.model.trainable_variables)
        for n in (networks.generator, networks.discriminator)
    )
    assert counted == PARAMETERS[name]
