"""Finding components by name, and what is said when a name finds none or two."""

import pytest

from dcgan_kit.components.component import Component
from dcgan_kit.components.registry import AmbiguousComponent, Registry, UnknownComponent


def factory(*, slope: float = 0.1):
    """Bend."""


def made(kind, name, owner):
    return Component(kind, name, factory, owner)


RELU, OWN_RELU, LEAKY = (
    made("activation", "relu", "activation"),
    made("activation", "relu", "stranger"),
    made("activation", "leaky_relu", "activation"),
)
POOL, CONV_UP, CONV_DOWN = (
    made("downsample", "max_pool", "downsample"),
    made("upsample", "conv", "upsample"),
    made("downsample", "conv", "downsample"),
)
REGISTRY = Registry([POOL, OWN_RELU, CONV_UP, LEAKY, RELU, CONV_DOWN])


def test_a_name_means_one_component_of_its_kind():
    assert REGISTRY.find("activation", "leaky_relu") is LEAKY
    assert REGISTRY.find("upsample", "conv") is CONV_UP
    assert REGISTRY.find("downsample", "conv") is CONV_DOWN


def test_owner_and_name_always_work():
    assert REGISTRY.find("activation", "activation/leaky_relu") is LEAKY
    assert REGISTRY.find("activation", "stranger/relu") is OWN_RELU
    assert REGISTRY.find("activation", "activation/relu") is RELU


def test_a_name_of_two_plugins_names_both():
    with pytest.raises(AmbiguousComponent) as caught:
        REGISTRY.find("activation", "relu")
    assert str(caught.value) == "activation 'relu' is offered by 2 plugins; write activation/relu or stranger/relu"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("activation", "leaky_rel", "unknown activation 'leaky_rel'. Did you mean 'leaky_relu'?"),
        ("activation", "LeakyReLU", "unknown activation 'LeakyReLU'. Did you mean 'leaky_relu'?"),
        ("activation", "rel", "unknown activation 'rel'. Known: activation/relu, leaky_relu, stranger/relu."),
        (
            "upsample",
            "max_pool",
            "unknown upsample 'max_pool'. There is a component of that name of kind downsample. Known: conv.",
        ),
        ("upsample", "nobody/conv", "unknown upsample 'nobody/conv'. Did you mean 'upsample/conv'?"),
        (
            "activation",
            "nobody/relu",
            "unknown activation 'nobody/relu'. Did you mean 'activation/relu' or 'stranger/relu'?",
        ),
        ("loss", "hinge", "unknown loss 'hinge'."),
    ],
)
def test_unknown_names(kind, name, message):
    with pytest.raises(UnknownComponent) as caught:
        REGISTRY.find(kind, name)
    assert str(caught.value) == message


def test_names_are_what_a_recipe_may_write():
    assert REGISTRY.names("activation") == ("leaky_relu", "activation/relu", "stranger/relu")
    assert REGISTRY.names("downsample") == ("conv", "max_pool")
    assert REGISTRY.names("loss") == ()
    for kind in ("activation", "downsample", "upsample"):
        assert [REGISTRY.find(kind, name) for name in REGISTRY.names(kind)] == list(REGISTRY.of_kind(kind))


def test_the_order_of_loading_does_not_matter():
    assert list(Registry([RELU, POOL, LEAKY])) == list(Registry([POOL, LEAKY, RELU]))


def test_who_has_an_option():
    assert REGISTRY.kinds_with_option("downsample", "slope") == ("conv", "max_pool")
    assert REGISTRY.kinds_with_option("downsample", "size") == ()
