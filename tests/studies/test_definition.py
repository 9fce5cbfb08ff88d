"""Study files: what they hold, each mistake with its place, and the text that means the same study."""

from pathlib import Path

import pytest

from dcgan_kit.api.study_plan import study_of
from dcgan_kit.errors import RecipeError, UserError
from dcgan_kit.studies.budget import Budget
from dcgan_kit.studies.definition import Study, read_study
from dcgan_kit.studies.variants import parse_axis, variants_of

GOOD = """\
version: 1
description: Which upsampling draws checkerboards?
base: tiny-fashion28
overrides:
  training.batch_size: 8
axes:
  generator.upsample:
    learned: {use: transposed_conv, kernel_size: 3}
    resize: resize_conv
  training.loss: [hinge, non_saturating]
seeds: 3
budget: {images: 400}
read: [fd, checkerboard_2]
match: parameters
threads: 2
claim:
  sentence: Learned upsampling draws checkerboards.
  said: Odena et al. 2016
  expect:
    - {variant: "learned, hinge", than: "resize, hinge", numbers: [checkerboard_2], is: higher, by: 0.5}
    - {variant: "resize, hinge", numbers: [checkerboard_2], is: at most, by: 0.2}
"""


@pytest.fixture
def written(tmp_path):
    """Return a function (text) -> file of that text."""

    def written(text):
        file = tmp_path / "study.yaml"
        file.write_text(text)
        return file

    return written


def test_a_study_file_says_all_of_a_study(written):
    study = read_study(written(GOOD))
    assert study.base == "tiny-fashion28"
    assert study.overrides == ("training.batch_size=8",)
    assert [axis.key for axis in study.axes] == ["generator.upsample", "training.loss"]
    assert study.axes[0].names == ("learned", "resize")
    assert (study.seeds, study.threads, study.matched, study.untrained) == (3, 2, True, False)
    assert study.budget == Budget("images", 400)
    assert study.read == ("fd", "checkerboard_2")
    assert study.claim.expect[0].by == 0.5
    assert study.name == "tiny-fashion28"


def test_the_written_text_means_the_same_study(written):
    study = read_study(written(GOOD))
    assert read_study(written(study.as_yaml())) == study


def test_some_variants_can_have_more_seeds(written):
    plain = GOOD[: GOOD.index("claim:")]
    study = read_study(written(plain.replace("seeds: 3", 'seeds: 3\nmore_seeds: {"resize, hinge": 2}')))
    assert [study.seeds_of(title) for title in ("learned, hinge", "resize, hinge")] == [3, 5]
    assert read_study(written(study.as_yaml())) == study
    for wrong, message in (("{learned: 2}", "there is no variant 'learned'"), ('{"learned, hinge": 999}', "than 1000")):
        with pytest.raises(RecipeError, match=message):
            read_study(written(plain.replace("seeds: 3", f"seeds: 3\nmore_seeds: {wrong}")))


def test_what_is_left_out_has_usual_values(written):
    study = read_study(written("version: 1\nbase: a\naxes: {training.loss: [hinge, wasserstein]}\nread: [fd]\n"))
    assert (study.seeds, study.threads, study.matched, study.budget, study.claim) == (6, 1, False, None, None)
    assert read_study(written(study.as_yaml())) == study


def test_no_steps_mean_no_training(written):
    assert read_study(written(GOOD.replace("{images: 400}", "{steps: 0}"))).untrained


def test_a_recipe_beside_the_file_is_found_from_anywhere(written, tmp_path):
    (tmp_path / "own.yaml").write_text("version: 1\n")
    assert read_study(written(GOOD.replace("tiny-fashion28", "own.yaml"))).base == str(tmp_path / "own.yaml")
    assert read_study(written(GOOD.replace("tiny-fashion28", "someone/own"))).base == "someone/own"


def test_recipes_of_a_list_are_called_what_the_file_calls_them(written, tmp_path):
    (tmp_path / "a.yaml").write_text("version: 1\n")
    study = read_study(written("version: 1\naxes: {recipe: [a.yaml, tiny-fashion28]}\nread: [fd]\n"))
    (axis,) = study.axes
    assert axis.names == ("a.yaml", "tiny-fashion28")
    assert axis.values[0] == f'"{tmp_path / "a.yaml"}"'


def test_a_study_without_folders_reads_the_same_anywhere(written, tmp_path):
    for place in ("own.yaml", "one/own.yaml", "two/own.yaml"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text("version: 1\n")
    assert read_study(written(GOOD.replace("tiny-fashion28", "own.yaml"))).without_folders().base == "own.yaml"
    assert read_study(written(GOOD)).without_folders() == read_study(written(GOOD))
    varied = "version: 1\naxes: {recipe: {a: one/own.yaml, b: two/own.yaml, c: tiny-fashion28}}\nread: [fd]\n"
    (axis,) = read_study(written(varied)).without_folders().axes
    assert axis.values == ('"one/own.yaml"', '"two/own.yaml"', '"tiny-fashion28"')


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("version: 1", "version: 2", "1:10", "version"),
        ("seeds: 3", "seeds: 0", "11:8", "seeds: must be at least 1"),
        ("seeds: 3", "seeds: many", "11:8", "seeds: must be a whole number"),
        ("seeds: 3", 'seeds: 3\nmore_seeds: {"learned, hinge": 2}', "12:1", "a claim gives all variants equally many"),
        ("seeds: 3", "seed: 3", "11:1", "a study has no such key. Did you mean 'seeds'?"),
        ("{images: 400}", "{images: 400, steps: 3}", "12:1", "takes one of steps, images"),
        ("{images: 400}", "{epochs: 4}", "12:10", "no such key"),
        ("{images: 400}", "{seconds: 0}", "12:19", "must be more than 0"),
        ("read: [fd, checkerboard_2]", "read: []", "13:7", "read"),
        ("[hinge, non_saturating]", "[hinge]", "10:3", "at least two values"),
        ("[hinge, non_saturating]", "[hinge, hinge]", "10:3", "each value once"),
        ("training.loss: [", "training.batch_size: [", "10:3", "is varied, and also set for all runs"),
        ("training.batch_size: 8", "training.seed: 8", "5:3", "the study sets it"),
        ("training.batch_size: 8", "training.steps: 8", "5:3", "the budget sets it"),
        ("base: tiny-fashion28\n", "", "1:1", "base: is missing"),
        ("training.loss: [hinge, non_saturating]", "recipe: [a, b]", "10:3", "leave the base out"),
        ("is: at most, by: 0.2", "is: at most", "21:7", "compares with a number"),
        ("is: higher, by: 0.5", "is: higher, by: -1", "20:7", "must be 0 or more"),
        ("is: higher", "is: great", "20:89", "claim.expect.0.is"),
        ('variant: "learned, hinge"', 'variant: "resize, hinge"', "20:7", "with itself"),
    ],
)
def test_each_mistake_is_reported_at_its_place(written, old, new, place, message):
    assert old in GOOD
    file = written(GOOD.replace(old, new, 1))
    with pytest.raises(RecipeError) as raised:
        read_study(file)
    assert f"{file}:{place}: " in str(raised.value)
    assert message in str(raised.value)


def test_a_file_that_is_no_mapping_is_refused(written):
    with pytest.raises(RecipeError, match="must be a mapping"):
        read_study(written("- a\n- b\n"))
    with pytest.raises(UserError):
        read_study(written(GOOD).with_name("other.yaml"))


def test_a_study_from_arguments_is_held_to_the_same_rules():
    axis = parse_axis("training.seed=1,2")
    with pytest.raises(UserError, match="the study sets it"):
        Study("tiny-fashion28", (axis,), 3, ("fd",))
    with pytest.raises(UserError, match="is varied, and also set"):
        Study("tiny-fashion28", (parse_axis("training.loss=hinge,wasserstein"),), 3, ("fd",), ("training.loss=hinge",))


def arguments(source, **changes):
    given = dict.fromkeys(("vary", "seeds", "budget", "match", "threads"))
    return study_of(source, **{**given, "read": ["fd"], "overrides": [], **changes})


def test_a_study_of_arguments_varies_keys_or_recipes():
    one = arguments("tiny-fashion28", vary={"training.loss": ["hinge", "wasserstein"]}, seeds=7)
    assert (one.base, one.seeds, one.name, one.file) == ("tiny-fashion28", 7, "tiny-fashion28", "")
    two = arguments("a.yaml", vary=["recipe=tiny-fashion28,a.yaml"])
    assert two.base is None
    assert two.axes[0].names == ("tiny-fashion28", "a.yaml")
    assert two.axes[0].values[1] == f'"{Path("a.yaml").absolute()}"'
    named = arguments("x", vary={"recipe": {"x": "tiny-fashion28", "y": "study-fashion28"}})
    assert [variant.recipe for variant in variants_of(named.axes)] == ["tiny-fashion28", "study-fashion28"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"read": []}, "--read is missing"),
        ({"vary": ["recipe=a,b"]}, "it is none of them: a, b"),
        ({"vary": ["recipe=1,2"]}, "takes names and paths of recipes"),
        ({"budget": {"steps": 1, "images": 2}}, "takes one kind"),
        ({"budget": {"epochs": 1}}, "no kind 'epochs'"),
        ({"budget": {"steps": -1}}, "must be a number above 0"),
        ({"match": "channels"}, "match: takes 'parameters'"),
        ({"seeds": 0}, "seeds"),
        ({"threads": 0}, "threads"),
        ({"vary": {"training.loss": "hinge"}}, "training.loss"),
    ],
)
def test_wrong_arguments_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        arguments("tiny-fashion28", **{"vary": ["training.loss=hinge,wasserstein"], **changes})


def test_a_name_that_is_no_study_is_refused():
    with pytest.raises(UserError, match=r"--vary KEY=VALUE,VALUE .*Did you mean 'relu-dies'"):
        arguments("relu-die")
    assert arguments("relu-dies", read=[]).claim is not None


def test_options_replace_keys_of_a_file(written):
    file = str(written(GOOD))
    study = arguments(file, seeds=4, read=["kid"], budget={"steps": 7}, overrides=["training.batch_size=4"])
    assert (study.seeds, study.read, study.budget, study.threads) == (4, ("kid",), Budget("steps", 7), 2)
    assert study.overrides == ("training.batch_size=8", "training.batch_size=4")
    assert arguments(file, read=[], budget={"steps": 0}).untrained
    assert study.file == "study"
