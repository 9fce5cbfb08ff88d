"""How messages are worded: counts, and what was probably meant."""

from difflib import get_close_matches

import pytest

from dcgan_kit.components.kinds import KINDS
from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.errors import SYNONYMS, counted, did_you_mean
from dcgan_kit.recipes.key_declarations import Generator, Training

REGISTRY = load_builtins().registry
VOCABULARIES = [
    *(REGISTRY.names(kind) for kind in KINDS),
    *(tuple(component.options.model_fields) for component in REGISTRY),
    tuple(Generator.model_fields),
    (*Training.model_fields, "filters"),
    ("auto", "float32", "mixed_bfloat16", "mixed_float16"),
    ("fd", "kid", "classifier_score"),
]


@pytest.mark.parametrize(("count", "noun", "text"), [(0, "key", "0 keys"), (1, "key", "1 key"), (2, "broken line", "2 broken lines"), (12000, "image", "12,000 images")])  # fmt: skip
def test_counted(count, noun, text):
    assert counted(count, noun) == text


@pytest.mark.parametrize("word", sorted(SYNONYMS))
def test_another_name_of_the_field_leads_to_ours_where_spelling_would_not(word):
    for meant in SYNONYMS[word]:
        having = [known for known in VOCABULARIES if meant in known]
        assert having, f"nothing is called {meant!r}"
        first = next(name for name in SYNONYMS[word] if name in having[0])
        assert did_you_mean(word, having[0]) == did_you_mean(word.upper(), having[0]) == f" Did you mean {first!r}?"
    spelt = [get_close_matches(word, known, n=1) != [m] for m in SYNONYMS[word] for known in VOCABULARIES if m in known]
    assert any(spelt), "the spelling suffices"


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [("frechett", ("frechet", "kid"), "'frechet'"), ("fid", ("kid", "ndb"), "'kid'"), ("fd", ("fd", "kid"), "'fd'"), ("Conv-Transpose", ("conv", "transposed_conv"), "'transposed_conv'")],
)  # fmt: skip
def test_the_nearest_name_that_there_is(word, known, hint):
    assert did_you_mean(word, known) == f" Did you mean {hint}?"
