"""``dotted.key=VALUE``: what an override changes, and what it may not."""

import pytest

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import RecipeError
from dcgan_kit.recipes.loading import load_recipe
from dcgan_kit.recipes.overrides import overridden
from dcgan_kit.recipes.yaml_reader import PartlyUnderstood, read_text

TEXT = """
image: {size: [8, 8], channels: 1}
generator:
  activation: {use: leaky_relu, negative_slope: 0.2}
  upsample: nearest
  stages:
    - {filters: 8, activation: relu}
    - {filters: 4}
"""


def after(*overrides, text=TEXT):
    return overridden(read_text(text, "r"), overrides).data()


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("image.channels=3", ("image", "channels"), 3),
        ("image.size=16", ("image", "size"), 16),
        ("image.size=[16, 32]", ("image", "size"), (16, 32)),
        ("image.size.1=16", ("image", "size"), (8, 16)),
        ("generator.stages.1.filters=2", ("generator", "stages", 1), {"filters": 2}),
        ("generator.stages.0={filters: 1}", ("generator", "stages", 0), {"filters": 1}),
        ("generator.stages=[]", ("generator", "stages"), ()),
        ("generator.bias=no", ("generator", "bias"), "no"),
        ("generator.bias=true", ("generator", "bias"), True),
        ("training.ema=1e-4", ("training", "ema"), 1e-4),
        ("description=a = b.c", ("description",), "a = b.c"),
        ("description='2'", ("description",), "2"),
        ("description=null", ("description",), None),
        (" image.channels = 3 ", ("image", "channels"), 3),
        ("generator.activation=elu", ("generator", "activation"), "elu"),
        ("generator.activation={use: elu, alpha: 2}", ("generator", "activation"), {"use": "elu", "alpha": 2}),
        ("generator.stages.0.activation.x=1", ("generator", "stages", 0, "activation"), {"use": "relu", "x": 1}),
        ("generator.stages.1.activation.x=1", ("generator", "stages", 1, "activation"), {"x": 1}),
        ("generator.upsample.initializer.stddev=1", ("generator", "upsample"), {"use": "nearest", "initializer": {"stddev": 1}}),
        ("generator.activation.negative_slope=0.3", ("generator", "activation"), {"use": "leaky_relu", "negative_slope": 0.3}),
        ("generator.activation.use=elu", ("generator", "activation"), {"use": "elu"}),
        ("generator.activation.use=leaky_relu", ("generator", "activation"), {"use": "leaky_relu", "negative_slope": 0.2}),
    ],
)  # fmt: skip
def test_one_value_is_replaced_and_no_other(override, path, value):
    data = after(override)
    found = data
    for part in path:
        found = found[part]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("set #2", "set #2"), ("#2", "#2"), ("# a", "# a"), ("a: b", "a: b"), ("a:", "a:"), ("every: 50", "every: 50"),
        ("*.png", "*.png"), ("&a b", "&a b"), ("!x", "!x"), ("!!int 3", "!!int 3"), ("%d", "%d"), ("@a", "@a"), ("`a", "`a"),
        ("|", "|"), ("> a", "> a"), ("- a", "- a"), ("-", "-"), ("? a", "? a"), ("---", "---"), ("...", "..."), ("C:\\data", "C:\\data"),
        ("a\nb", "a\nb"), ("  a  b  ", "a  b"), ("a, b", "a, b"), ("a]", "a]"), ("~/faces", "~/faces"), ("~", None), ('""', ""), ("null", None),
        ("no", "no"), ("true", True), ("0o17", 15), ("1e-5", 1e-5), ("it's", "it's"), (r"a\tb", r"a\tb"), ("a\u2028b", "a\u2028b"),
        ('"a # b"', "a # b"), ("'set #2'", "set #2"), ('"~"', "~"), ('" a "', " a "), ("['a #b']", ("a #b",)), ("[a, b#c]", ("a", "b#c")),
        ("[a,\n b]", ("a", "b")), ("{}", {}), ("[]", ()), (r'"a\tb"', "a\tb"),
    ],
)  # fmt: skip
def test_nothing_of_a_value_is_dropped(given, meant):
    value = after(f"description={given}")["description"]
    assert value == meant
    assert type(value) is type(meant)


@pytest.mark.parametrize(
    ("overrides", "activation"),
    [
        (["activation={negative_slope: 0.3}"], {"use": "leaky_relu", "negative_slope": 0.3}),
        (["activation={use: leaky_relu, x: 1}"], {"use": "leaky_relu", "negative_slope": 0.2, "x": 1}),
        (["activation={use: elu}"], {"use": "elu"}),
        (["activation.x=1", "activation={use: elu}"], {"use": "elu", "x": 1}),
        (["activation.x.y=1", "activation={use: elu, x: {z: 2}}"], {"use": "elu", "x": {"y": 1, "z": 2}}),
        (["activation={use: elu, x: 1}", "activation=relu"], "relu"),
        (["activation={use: elu, x: 1}", "activation.use=relu"], {"use": "relu"}),
        (["activation.x=[1, 2]", "activation.x.1=3", "activation.use=elu"], {"use": "elu", "x": (1, 3)}),
        (["activation=null", "activation.use=relu"], {"use": "relu"}),
    ],
)
def test_overrides_of_a_slot_come_together_as_in_one_child(overrides, activation):
    assert after(*(f"generator.{override}" for override in overrides))["generator"]["activation"] == activation


def test_a_mapping_keeps_what_it_does_not_say():
    text = "training: {steps: 5, evaluation: {every: 9, scores: [fd, {use: kid, subsets: 3}]}}"
    evaluation = after("training={evaluation: {every: 50}}", text=text)["training"]["evaluation"]
    assert evaluation == {"every": 50, "scores": ("fd", {"use": "kid", "subsets": 3})}
    items = after("training.evaluation.scores.0.x=1", "training.evaluation.scores.1.use=fd", text=text)
    assert items["training"]["evaluation"]["scores"] == ({"use": "fd", "x": 1}, {"use": "fd"})
    assert items["training"]["steps"] == 5


def test_nothing_else_changes():
    before = read_text(TEXT, "r").data()
    data = after("generator.stages.0.filters=16")
    assert data["image"] == before["image"]
    assert data["generator"]["stages"] == ({"filters": 16, "activation": "relu"}, {"filters": 4})
    assert read_text(TEXT, "r").data() == before


def test_they_are_applied_in_turn():
    assert after("image.size=4", "image.size=16")["image"]["size"] == 16
    assert after("generator.stages=[{filters: 1}]", "generator.stages.0.filters=2")["generator"]["stages"] == (
        {"filters": 2},
    )


def test_an_option_that_was_overridden_outlives_another_component():
    for order in (("use=elu", "alpha=2"), ("alpha=2", "use=elu")):
        overrides = [f"generator.activation.{part}" for part in order]
        assert after(*overrides)["generator"]["activation"] == {"use": "elu", "alpha": 2}


def test_null_is_no_obstacle():
    text = "generator: {activation: null}"
    assert after("generator.activation.use=relu", text=text)["generator"]["activation"] == {"use": "relu"}


def reported(*overrides):
    with pytest.raises(PartlyUnderstood) as caught:
        overridden(read_text(TEXT, "r"), overrides)
    return list(map(str, caught.value.problems))


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("image", "override:1:1: an override is key=value, without spaces at the '=' (given: 'image')"),
        ("=3", "override:1:1: an override is key=value, without spaces at the '=' (given: '=3')"),
        ("", "override:1:1: an override is key=value, without spaces at the '=' (given: '')"),
        ("image..size=3", "override:1:1: image..size: has an empty part between its dots"),
        ("image.size=", "override:1:12: image.size: the value is empty; write 'image.size=\"\"' for an empty text, or image.size=null for none"),
        ("image.size= \t", "override:1:12: image.size: the value is empty; write 'image.size=\"\"' for an empty text, or image.size=null for none"),
        ("extends=dcgan", "override:1:1: extends: cannot be overridden: the parents are merged already"),
        ("generator.stages.2.filters=3", "override:1:1: generator.stages.2: does not exist: generator.stages has items 0 to 1, called stage1, stage2"),
        ("generator.stages.-1=3", "override:1:1: generator.stages.-1: does not exist: generator.stages has items 0 to 1, called stage1, stage2"),
        ("generator.stages.x=3", "override:1:1: generator.stages.x: does not exist: generator.stages has items 0 to 1, called stage1, stage2"),
        ("generator.stages.٠.filters=3", "override:1:1: generator.stages.٠: does not exist: generator.stages has items 0 to 1, called stage1, stage2"),
        ("image.channels.x=3", "override:1:1: image.channels.x: does not exist: image.channels is 1 (a whole number)"),
        ("image.size.2=3", "override:1:1: image.size.2: does not exist: image.size has items 0 to 1"),
        ("image.size=[3", "override:1:12: not YAML: this '[' is never closed"),
        ("image.size={a: 1, a: 2}", "override:1:19: a: is given twice; first at 1:13"),
        ("image.size=[!!int 3]", "override:1:13: 0: tags are not allowed in a recipe (given: '!!int')"),
        ("image.size=[*a]", "override:1:13: 0: alias *a has no anchor &a before it"),
        ("image.size=[8, 8] # both", "override:1:19: '#' would begin a comment here, and an override cannot have one; quote text that holds '#' (given: '# both')"),
        ("image.size=[8, #8]", "override:1:16: '#' would begin a comment here, and an override cannot have one; quote text that holds '#' (given: '#8]')"),
        ("description='a' #b", "override:1:17: '#' would begin a comment here, and an override cannot have one; quote text that holds '#' (given: '#b')"),
        ("description=a\udcff", "override:1:14: character U+DCFF is not allowed in YAML"),
        ("a." * 50 + "b=1", "override:1:1: a key with more than 50 parts (given: 51)"),
        ("a." * 299 + "b=1", "override:1:1: a key with more than 50 parts (given: 300)"),
        ("a." * 48 + "b=[[1]]", f"override:1:99: {'a.' * 48}b: nested more than 50 deep, its key included"),
        ("a.b=" + "[" * 49 + "]" * 49, "override:1:5: a.b: nested more than 50 deep, its key included"),
        ("a=" + "[" * 51 + "]" * 51, "override:1:53: nested more than 50 deep"),
        ("image.size.0." + "b." * 46 + "c=[]", "override:1:108: image.size.0." + "b." * 46 + "c: nested more than 50 deep, its key included"),
        ("image.size=\x00", "override:1:12: character U+0000 is not allowed in YAML"),
    ],
)  # fmt: skip
def test_what_an_override_may_not_do(override, problem):
    assert reported(override) == [problem]


def test_every_wrong_override_is_told_and_the_others_are_applied():
    with pytest.raises(PartlyUnderstood) as caught:
        overridden(read_text(TEXT, "r"), ["nonsense", "image.channels=3", "image.size.7=1"])
    assert [str(problem.mark) for problem in caught.value.problems] == ["override:1:1", "override:3:1"]
    assert caught.value.node.data()["image"]["channels"] == 3


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("image.sizes=8", "override:1:1: image.sizes: unknown key. Did you mean 'size'?"),
        ("training={steps:8}", "override:1:11: training.steps:8: unknown key. YAML needs a space after a colon: 'steps: 8'."),
        ("data={use:npz}", "override:1:7: data.use:npz: images has no such option. YAML needs a space after a colon: 'use: npz'."),
        ("training.generator.learning_rate=1", "override:1:1: training.generator.learning_rate: unknown key. Did you mean 'training.generator.optimizer.learning_rate'?"),
        ("training.learning_rate=1", "override:1:1: training.learning_rate: unknown key. Did you mean 'training.optimizer.learning_rate'?"),
        ("generator.stages[0].filters=8", "override:1:1: generator.stages[0].filters: the parts of a key have dots between them, as in generator.stages.0.filters"),
        ("training/steps=8", "override:1:1: training/steps: the parts of a key have dots between them, as in training.steps"),
        ("steps=8", "override:1:1: steps: unknown key. Did you mean 'training.steps'?"),
        ("imag.size.x=8", "override:1:1: imag: unknown key. Did you mean 'image'?"),
        ("generator.stages.0.filter=8", "override:1:1: generator.stages.0.filter: unknown key. Did you mean 'filters'?"),
        ("training.optimizer.learn_rate=1", "override:1:1: training.optimizer.learn_rate: adam has no such option. Did you mean 'learning_rate'?"),
        ("training.optimizer.learning_rate=-1", "override:1:34: training.optimizer.learning_rate: must be more than 0.0 (given: -1 (a whole number))"),
        ("generator.stages.0.activation=rel", "override:1:31: generator.stages.0.activation: unknown activation 'rel'. Did you mean 'relu'?"),
        ("generator.stages.0.activation.use=rel", "override:1:35: generator.stages.0.activation: unknown activation 'rel'. Did you mean 'relu'?"),
        ("latent.size=1.5", "override:1:13: latent.size: must be a whole number (given: 1.5 (a number))"),
        ("training.steps=", "override:1:16: training.steps: the value is empty; write 'training.steps=\"\"' for an empty text, or training.steps=null for none"),
        ("training.steps=null", "override:1:16: training.steps: must be a whole number (given: null (nothing))"),
        ("data={use: npz}", "override:1:1: data.path: is missing"),
        ("image={channels: x}", "override:1:18: image.channels: must be a whole number (given: 'x' (text))"),
    ],
)  # fmt: skip
def test_a_key_or_a_value_that_the_recipe_cannot_have(problems, whole, override, problem):
    assert problems(whole, override) == [problem]


def test_an_option_of_a_slot_that_the_stage_inherits(resolved, whole):
    recipe = resolved(whole, "discriminator.stages.0.activation.negative_slope=0.4")
    first, second = (block.slots["activation"] for block in recipe.discriminator.blocks[:2])
    assert (first.component.name, first.options["negative_slope"]) == ("leaky_relu", 0.4)
    assert second.options["negative_slope"] == 0.2


def test_another_component_by_use_drops_the_options_of_the_one_before(resolved, whole):
    recipe = resolved(whole, "discriminator.activation.use=relu")
    assert {block.slots["activation"].component.name for block in recipe.discriminator.blocks[:2]} == {"relu"}


def test_the_optimizer_of_one_network(resolved, whole):
    training = resolved(whole, "training.discriminator.optimizer.learning_rate=1e-5").training
    assert training.discriminator.optimizer.options["learning_rate"] == 1e-5
    assert training.generator.optimizer.options["learning_rate"] == 2e-4


def test_the_same_component_keeps_its_options_and_another_drops_them():
    assert after("generator.activation=leaky_relu")["generator"]["activation"]["negative_slope"] == 0.2
    assert after("generator.activation=relu")["generator"]["activation"] == "relu"


@pytest.mark.parametrize(
    ("overrides", "path", "related", "place"),
    [
        ([], "generator.stages.1.upsample", [], "dcgan:16:3"),
        (["generator.upsample.kernel_size=5"], "generator.stages.0.upsample", [], "override:1:1"),
        (["generator.upsample.kernel_size=5"], "generator.stages.1.upsample.kernel_size", [], "override:1:1"),
        (["training.ema=0.9", "generator.upsample=nearest"], "generator.stages.1.upsample", [], "override:2:1"),
        (["training.optimizer={learning_rate: 1}"], "training.generator.optimizer", [], "override:1:1"),
        (["generator.activation=elu"], "generator.stages.1.upsample", [], "dcgan:16:3"),
        (["training.steps=5"], "training.xla", [], "lecture-fashion28:33:1"),
        (["data={use: images, path: x}"], "data", [], "override:1:1"),
        (["image.size=64"], "generator.output", ["generator", "image"], "override:1:1"),
        (["generator.input.projection.size=4"], "generator.output", ["generator", "image"], "override:1:1"),
        (["generator.stages.0.filters=4"], "generator.stages.0", [], "override:1:1"),
    ],
)
def test_what_an_override_changed_is_found_in_the_override(builtins, overrides, path, related, place):
    recipe = load_recipe("lecture-fashion28", overrides, PluginSettings(builtins_only=True)).recipe
    parts = tuple(int(part) if part.isdecimal() else part for part in path.split("."))
    assert str(recipe.mark(parts, *((key,) for key in related))) == place


def test_what_a_child_changed_is_found_in_the_child(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "child.yaml").write_text("version: 1\nextends: ../own.yaml\nimage:\n  size: 64\n")
    (tmp_path / "own.yaml").write_text("version: 1\nextends: lecture-fashion28\ntraining: {steps: 5}\n")
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe(str(tmp_path / "sub" / "child.yaml"), (), PluginSettings(builtins_only=True)).recipe
    assert str(recipe.mark(("generator", "output"), ("generator",), ("image",))) == "sub/child.yaml:4:3"
    assert str(recipe.mark(("training", "steps"))) == "own.yaml:3:12"
    assert str(recipe.mark(("generator", "output"))) == "lecture-fashion28:25:3"


def test_a_file_that_is_called_like_a_shipped_recipe_is_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dcgan").write_text("version: 1\nextends: dcgan\nimage: {size: no}\n")
    (tmp_path / "dcgan.yaml").write_text("version: 1\nextends: ./dcgan\nlatent: {size: no}\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe("dcgan.yaml", (), PluginSettings(builtins_only=True))
    sources = {problem.mark.source for problem in caught.value.problems}
    assert sources >= {"./dcgan", "dcgan.yaml"}
    assert "circle" not in str(caught.value)
