"""What a recipe leaves out: inheritance of blocks, defaults of options, and components within components."""

import pytest

from dcgan_kit.errors import RecipeError
from dcgan_kit.recipes import keys
from dcgan_kit.recipes.resolved import Choice

BY_SLOT = {
    # slot: (what the network says, what a block says instead)
    "normalization": ("rms", "pixel"),
    "activation": ("elu", "selu"),
    "regularizer": ("dropout", "gaussian_noise"),
    "upsample": ("nearest", "bilinear"),
    "downsample": ("max_pool", "average_pool"),
    "convolution": ("conv", "separable_conv"),
    "initializer": ("zeros", "ones"),
    "constraint": ("spectral", "none"),
}

# From the design: blocks take what they do not say from their network, other than that the generator's output is no
# hidden layer (neither normalization, activation nor regularizer) and the discriminator's a mere head.
INHERITED = {
    ("generator", "input"): {"normalization", "activation", "regularizer"},
    ("generator", "stage1"): {"upsample", "convolution", "normalization", "activation", "regularizer"},
    ("generator", "output"): {"upsample", "convolution"},
    ("discriminator", "stage1"): {"downsample", "convolution", "normalization", "activation", "regularizer"},
    ("discriminator", "output"): set(),
}


def blocks(recipe):
    return {
        (plan.role, block.name): block for plan in (recipe.generator, recipe.discriminator) for block in plan.blocks
    }


def chosen(block, slot):
    choice = getattr(block, slot) if slot in ("initializer", "constraint") else block.slots.get(slot)
    return choice.component.name if choice is not None else None


def network_says(role):
    ways = ("upsample",) if role == "generator" else ("downsample",)
    slots = (*ways, "convolution", "normalization", "activation", "regularizer", "initializer", "constraint")
    return [f"{role}.{slot}={BY_SLOT[slot][0]}" for slot in slots]


@pytest.mark.parametrize(("role", "name"), INHERITED)
def test_a_block_takes_from_its_network_what_it_may(resolved, whole, role, name):
    block = blocks(resolved(whole, *network_says(role)))[role, name]
    for slot in ("upsample", "downsample", "convolution", "normalization", "activation", "regularizer"):
        if slot in INHERITED[role, name]:
            assert chosen(block, slot) == BY_SLOT[slot][0], slot
        else:
            assert chosen(block, slot) in (None, "tanh"), slot
    assert chosen(block, "initializer") == "zeros"
    assert chosen(block, "constraint") == "spectral"


@pytest.mark.parametrize(("role", "name"), INHERITED)
def test_what_a_block_says_itself_wins(resolved, whole, role, name):
    path = f"{role}.stages.0" if name == "stage1" else f"{role}.{name}"
    slots = [*INHERITED[role, name], "initializer", "constraint"]
    says = [f"{path}.{slot}={BY_SLOT[slot][1]}" for slot in slots]
    block = blocks(resolved(whole, *network_says(role), *says))[role, name]
    assert {slot: chosen(block, slot) for slot in slots} == {slot: BY_SLOT[slot][1] for slot in slots}


@pytest.mark.parametrize(
    "rule",
    [
        keys.GENERATOR_INPUT,
        keys.GENERATOR_STAGE,
        keys.GENERATOR_OUTPUT,
        keys.DISCRIMINATOR_STAGE,
        keys.DISCRIMINATOR_OUTPUT,
    ],
)
def test_the_rules_of_blocks_agree_with_themselves(rule):
    assert set(rule.order) <= set(rule.slots)
    assert rule.required <= set(rule.slots)
    assert rule.inherited <= set(rule.slots)
    assert rule.essential <= rule.required
    assert set(rule.slots) - {"reshape"} <= keys.SLOT_KEYS


def test_null_takes_from_the_network(resolved, whole):
    recipe = resolved(whole, "generator.stages.0.activation=null", "discriminator.stages.0.bias=null")
    assert chosen(blocks(recipe)["generator", "stage1"], "activation") == "relu"
    assert blocks(recipe)["discriminator", "stage1"].bias is True


def test_a_block_changes_one_option_of_what_it_takes(resolved, whole):
    recipe = resolved(
        whole, "generator.upsample={use: conv, kernel_size: 5}", "generator.stages.0.upsample={dilation: 2}"
    )
    options = blocks(recipe)["generator", "stage1"].slots["upsample"].options
    assert (options["kernel_size"], options["dilation"]) == (5, 2)
    assert blocks(recipe)["generator", "output"].slots["upsample"].options["dilation"] == 1


def test_naming_another_component_takes_no_option_of_the_network(resolved, whole):
    recipe = resolved(whole, "discriminator.stages.0.activation={use: prelu}")
    assert blocks(recipe)["discriminator", "stage1"].slots["activation"].options == {"initial_slope": 0.25}


def test_bias(resolved, whole):
    recipe = resolved(whole, "generator.bias=false", "generator.output.bias=true")
    biases = {where: block.bias for where, block in blocks(recipe).items()}
    assert biases == {
        ("generator", "input"): False,
        ("generator", "stage1"): False,
        ("generator", "output"): True,
        ("discriminator", "stage1"): True,
        ("discriminator", "stage2"): True,
        ("discriminator", "output"): True,
    }


def test_every_option_has_a_value(resolved, whole):
    def check(choice):
        assert set(choice.options) == set(choice.component.options.model_fields)
        for name, kind in choice.component.nested.items():
            inner = choice.options[name]
            assert inner is None or isinstance(inner, Choice)
            if inner is not None:
                assert inner.component.kind == kind
                check(inner)

    recipe = resolved(whole, "generator.upsample.initializer={use: normal, stddev: 0.1}")
    choices = [recipe.latent, recipe.data, recipe.training.loss, recipe.training.generator.optimizer]
    for block in blocks(recipe).values():
        choices += [*block.slots.values(), block.initializer]
    for choice in choices:
        check(choice)


def test_defaults_of_a_recipe(resolved, whole):
    recipe = resolved(whole)
    assert recipe.image.range == (-1.0, 1.0)
    assert recipe.image.shape == (8, 8, 1)
    assert (recipe.silence, recipe.plugins, recipe.description) == ((), (), "")
    assert recipe.latent_size == 16
    training = recipe.training
    assert (training.batch_size, training.seed, training.updates, training.ema) == (64, 0, "simultaneous", 0.0)
    assert recipe.generator.blocks[0].slot_order == keys.GENERATOR_INPUT.order
    assert recipe.generator.blocks[1].filters == 8
    assert recipe.generator.blocks[-1].filters is None


def test_an_initializer_within_an_upsampling(resolved, whole):
    recipe = resolved(whole, "generator.upsample.initializer.use=orthogonal", "generator.upsample.initializer.gain=2")
    inner = blocks(recipe)["generator", "stage1"].slots["upsample"].options["initializer"]
    assert inner.component.name == "orthogonal"
    assert inner.options == {"gain": 2.0}
    assert inner.path == ("generator", "stages", 0, "upsample", "initializer")


def test_pairs_and_numbers_keep_what_was_written(resolved, whole):
    recipe = resolved(whole, "image.size=[8, 16]", "generator.upsample.kernel_size=[3, 5]", "latent.stddev=2")
    assert recipe.image.shape == (8, 16, 1)
    assert blocks(recipe)["generator", "stage1"].slots["upsample"].options["kernel_size"] == (3, 5)
    assert type(recipe.latent.options["stddev"]) is float


def test_each_network_may_have_its_own_optimizer_and_no_common_one(resolved, whole):
    text = whole.replace(
        "  optimizer: {use: adam, learning_rate: 2e-4}",
        "  generator: {optimizer: adam}\n  discriminator: {optimizer: {use: adam, beta_1: 0.1}}",
    )
    training = resolved(text).training
    assert training.generator.optimizer.options["beta_1"] == 0.5
    assert training.discriminator.optimizer.options["beta_1"] == 0.1


def test_one_network_without_an_optimizer(resolved, whole):
    text = whole.replace("  optimizer: {use: adam, learning_rate: 2e-4}", "  generator: {optimizer: adam}")
    with pytest.raises(RecipeError, match=r"training.optimizer: is missing: name a component of kind optimizer$"):
        resolved(text)


def test_the_order_of_a_stage(resolved, whole):
    recipe = resolved(whole, "generator.stages.0.order=[activation, upsample, activation]")
    assert blocks(recipe)["generator", "stage1"].slot_order == ("activation", "upsample", "activation")


def test_no_stages_at_all(resolved, whole):
    recipe = resolved(whole, "generator.stages=[]", "discriminator.stages=[]")
    assert [block.name for block in recipe.generator.blocks] == ["input", "output"]
    assert [block.name for block in recipe.discriminator.blocks] == ["output"]


def test_owner_and_name_mean_the_same_as_the_name(resolved, whole):
    bare = resolved(whole, "generator.activation=relu")
    owned = resolved(whole, "generator.activation=activation/relu")
    assert bare == owned


def test_a_schedule_of_one_network_is_the_common_one_changed(resolved, whole):
    training = resolved(
        whole, "training.schedule={use: linear, start: 0.5}", "training.generator.schedule.to=0.1"
    ).training
    assert training.generator.schedule.options == {"start": 0.5, "to": 0.1}
    assert training.discriminator.schedule.options == {"start": 0.5, "to": 0.0}


def test_l2_of_one_network_goes_before_the_common_one(resolved, whole):
    training = resolved(whole, "training.l2=1e-3", "training.discriminator.l2=0.0").training
    assert (training.generator.l2, training.discriminator.l2) == (1e-3, 0.0)


def test_what_training_leaves_out_is_off_or_one(resolved, whole):
    recipe = resolved(whole)
    training = recipe.training
    assert (training.penalty, training.augmentation, training.generator.schedule) == (None, None, None)
    assert (training.generator.updates, training.discriminator.updates, training.accumulate) == (1, 1, 1)
    assert (training.updates, training.latents, training.discriminator_passes) == ("simultaneous", "shared", "separate")
    assert (training.precision, training.xla, training.fuse, training.held_out) == ("auto", "auto", True, 0.0)
    assert (training.keep, training.recover.times) == (2, 0)
    assert (recipe.distribute.strategy, recipe.distribute.cpu_devices) == ("auto", 1)


def test_several_updates_in_alternating_and_in_turn(resolved, whole):
    for updates in ("alternating", "in_turn"):
        training = resolved(
            whole, f"training.updates={updates}", "training.discriminator.updates=3", "training.latents=fresh"
        ).training
        assert (training.updates, training.discriminator.updates, training.latents) == (updates, 3, "fresh")
