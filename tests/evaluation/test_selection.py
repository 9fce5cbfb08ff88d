from __future__ import annotations

import numpy as np
import pytest

from dcgan_kit import ComponentError, Extractor, Images, UserError, component
from dcgan_kit.evaluation.selection import build_extractor, build_score, choice_of, default_extractor, usable_scores
from dcgan_kit.recipes.resolved import Choice


def test_options_follow_the_name(registry):
    choice = choice_of("extractor", "inception_v3:path=/a:b/weights.h5", registry)
    assert choice.options == {"path": "/a:b/weights.h5"}
    assert choice_of("score", "ndb:bins=7:seed=3", registry).options == {"bins": 7, "seed": 3}
    assert build_score(choice_of("score", "ndb:bins=7:seed=0", registry)).options == "bins=7"


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("kit", "unknown score 'kit'. Did you mean 'kid'"),
        ("ndb:bin=3", "ndb:bin=3: no option 'bin'. Did you mean 'bins'"),
        ("kid:block=1", "option 'block': Input should be greater than or equal to 2 (given: 1)"),
        ("kid:block=many", "option 'block': Input should be a valid integer (given: 'many')"),
    ],
)
def test_mistakes_are_told(registry, text, reported):
    with pytest.raises(UserError) as caught:
        choice_of("score", text, registry)
    assert reported in str(caught.value)


@pytest.mark.parametrize(
    ("source", "shape", "labels", "name"),
    [
        ("fashion_mnist_4k", (28, 28, 1), [0, 1], "fashion_classifier"),
        ("npz", (28, 28, 1), [0, 1], "self_classifier"),
        ("images", (64, 64, 3), None, "random_convolution"),
        ("images", (64, 64, 3), [4, 4], "random_convolution"),
    ],
)
def test_where_no_extractor_is_named_the_images_decide(source, shape, labels, name):
    images = Images(np.zeros((2, *shape), np.uint8), None if labels is None else np.array(labels))
    assert default_extractor(images, source)[0] == name


def test_scores_that_cannot_be_had_are_left_out_with_the_reason(scores):
    extractor = Extractor(lambda pixels: None, "key", classifies=False)
    usable, notes = usable_scores(scores("kid", "classifier_score", "memorization"), extractor, held_out=False)
    assert [chosen.component.name for chosen in usable] == ["kid"]
    assert [note.partition(" is left out")[0] for note in notes] == ["classifier_score", "memorization"]


@pytest.mark.parametrize(
    ("made", "reported"),
    [(7, "received 7"), (Extractor(print, "a,b"), "its key may have letters"), (Extractor(print, ""), "key")],
)
def test_what_is_no_extractor_is_refused(made, reported):
    @component("extractor")
    def odd(images):
        """Is odd.  (N, H, W, C) → nothing."""
        return made

    with pytest.raises(ComponentError, match=rf"extractor odd must return an Extractor.*{reported}"):
        build_extractor(Choice(odd, {}), Images(np.zeros((1, 8, 8, 1), np.uint8)))


def test_what_is_no_score_is_refused():
    @component("score")
    def odd():
        """Is odd.  pixels → nothing."""

    with pytest.raises(ComponentError, match=r"score odd must return a Score.*received None"):
        build_score(Choice(odd, {}))
