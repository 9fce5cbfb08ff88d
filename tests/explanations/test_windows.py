"""Examples of windows: the lecture's own numbers, and sums that equal what the layers give."""

import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d

from dcgan_kit.api.worked_examples import explain_beside
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import UserError

POOLED = [[0, 20, 30, 45], [8, 1, 23, 43], [0, 4, 40, 20], [10, 6, 43, 42]]
KERNEL = [[1, 0, 2], [-1, 3, 1], [0, 2, -2]]
MAP = [[1, 2, 0, 3, 1], [0, 1, 4, 1, 2], [2, 2, 1, 0, 1], [1, 0, 1, 3, 2]]


def grid(explanation, title):
    return next(panel.rows for panel in explanation.panels if panel.title == title)


def test_max_pooling_of_the_lecture(work):
    found = work("max_pool", input=POOLED)
    assert found.facts["output"] == [[20, 45], [10, 43]]
    assert [step.text for step in found.steps] == [
        "output (0, 0) = max(0, 20, 8, 1) = 20",
        "output (0, 1) = max(30, 45, 23, 43) = 45",
        "output (1, 0) = max(0, 4, 10, 6) = 10",
        "output (1, 1) = max(40, 20, 43, 42) = 43",
    ]
    assert found.steps[1].panels[0].marked == {(0, 2), (0, 3), (1, 2), (1, 3)}
    assert "It has nothing to learn." in found.sentences


def test_transposed_convolution_of_the_lecture(work):
    found = work("transposed_conv", "stride=1", "padding=valid", input=[[1, 4], [0, 2]], kernel=[[2, 2], [1, 1]])
    assert found.facts["output"] == [[2, 10, 8], [1, 9, 8], [0, 2, 2]]
    assert found.steps[1].text == "input (0, 1) = 4 adds [[8, 8], [4, 4]] from (0, 1)"
    assert found.steps[1].panels[-1].rows[0] == (2, 10, 8), "the sum of the first two stamps"
    assert found.steps[8].text == "output (1, 1) = 1·1 + 1·4 + 2·0 + 2·2 = 9"
    assert grid(found, "how many contributions each output gets") == ((1, 2, 1), (2, 4, 2), (1, 2, 1))
    assert found.kind == "upsample"
    assert found.sentences[-1] == "Other components have this name too: projection/transposed_conv."


def test_nearest_upsampling_of_the_lecture(work):
    found = work("nearest", input=[[1, 4], [0, 2]])
    assert found.facts["output"] == [[1, 1, 4, 4], [1, 1, 4, 4], [0, 0, 2, 2], [0, 0, 2, 2]]
    assert found.facts["trainable parameters"] == 0


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_convolution_slides_its_kernel(padding, work):
    found = (
        work("convolution/conv", f"padding={padding}", input=MAP, kernel=KERNEL)
        if padding == "same"
        else work("strided_conv", "stride=1", "padding=valid", input=MAP, kernel=KERNEL)
    )
    expected = correlate2d(MAP, KERNEL, mode=padding)
    np.testing.assert_allclose(found.facts["output"], expected, atol=1e-5)
    for step, value in zip(found.steps, expected.ravel(), strict=True):
        _, written, result = step.text.split(" = ")
        assert eval(written.replace("·", "*")) == pytest.approx(value), step.text
        assert float(result) == pytest.approx(value)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_stamps_add_up_to_the_output(stride, work):
    found = work("upsample/transposed_conv", f"stride={stride}", "padding=valid", input=MAP, kernel=KERNEL)
    spread = np.zeros((3 * stride + 1, 4 * stride + 1))
    spread[::stride, ::stride] = MAP
    np.testing.assert_allclose(found.facts["output"], convolve2d(spread, KERNEL), atol=1e-4)
    last = [step for step in found.steps if step.panels][-1]
    np.testing.assert_allclose(np.array(last.panels[-1].rows, float), found.facts["output"], atol=1e-4)


def test_uses_and_contributions_are_those_of_the_lecture(work):
    used = work("convolution/conv", input=POOLED).facts["counts"]
    assert used["how often each input is used, padding same"][0] == [4, 6, 6, 4]
    assert used["how often each input is used, padding valid"] == [
        [1, 2, 2, 1],
        [2, 4, 4, 2],
        [2, 4, 4, 2],
        [1, 2, 2, 1],
    ]
    for size, ratio in ((3, "most are 4 times"), (4, "no checkerboard"), (5, "2.25 times"), (12, "no checkerboard")):
        found = work("upsample/transposed_conv", f"kernel_size={size}")
        assert ratio in found.sentences[0], size
    assert "no checkerboard" in work("upsample/conv", "kernel_size=7").sentences[0]
    assert "225 to 256 contributions" in work("upsample/transposed_conv", "kernel_size=31").sentences[0]
    assert "no checkerboard" in work("resize_conv").sentences[0]


@pytest.mark.parametrize(
    ("name", "options", "numbers", "message"),
    [
        ("max_pool", [], {"input": 3}, "input: must be rows of numbers"),
        ("max_pool", [], {"input": [[1, 2], [3]]}, "equally many numbers"),
        ("max_pool", [], {"input": [["a"]]}, "must be a number between"),
        ("max_pool", [], {"input": [[float("nan")]]}, "must be a number between"),
        ("max_pool", [], {"input": [[True]]}, "must be a number between"),
        ("max_pool", [], {"input": []}, "must be rows"),
        ("max_pool", [], {"input": [[]]}, "1 to 16 rows"),
        ("max_pool", [], {"input": [[0] * 17]}, "1 to 16 rows"),
        ("max_pool", [], {"kernel": [[1]]}, "has no option kernel_size"),
        ("bilinear", [], {"kernel": [[1]]}, "no option kernel_size"),
        ("pixel_shuffle", [], {"kernel": [[1, 2], [3, 4]]}, "no single kernel of one channel"),
        ("strided_conv", ["groups=2"], {}, "The input of the example is 4x4x1"),
        ("max_pool", ["pool_size=8"], {}, "The input of the example is 4x4x1"),
        ("average_pool", [], {"input": [[5]]}, "the window is larger than the input of 1x1; give a larger input"),
        ("nearest", ["factor=8"], {"input": [[1] * 16] * 16}, "at most 1,024 numbers; give a smaller input"),
        ("max_pool", [], {"input": np.array(3)}, "must be rows of numbers"),
        ("max_pool", [], {"input": [[10**400]]}, "must be a number between"),
        ("resize_conv", ["kernel_size=3"], {"kernel": [[1, 2]]}, "a kernel of 3x3 here. Received: 1x2"),
        ("strided_conv", ["padding=valid"], {"input": [[1]]}, "input of the example is 1x1x1"),
        ("strided_conv", ["stirde=2"], {}, "Did you mean 'stride'"),
        ("strided_conv", ["stride=0"], {}, "must be"),
        ("strided_conv", ["stride"], {}, "key=value"),
        ("max_pol", [], {}, "Did you mean 'max_pool'"),
        ("relu", [], {"kernel": [[1]]}, "kernel: a component of kind activation has none"),
        ("adam", [], {"input": [1]}, "input: the example of kind optimizer takes none"),
        ("frechet", [], {}, "components of kind score have no worked example"),
    ],
)
def test_what_an_example_does_not_take_is_said(name, options, numbers, message, work):
    with pytest.raises(UserError, match=message.replace("(", r"\(")):
        work(name, *options, **numbers)


def test_weights_of_fixed_filters_add_up(work):
    found = work("upsample/fir", "taps=[-1.0,3.0,3.0,-1.0]")
    assert found.sentences[0] == "Inside, the weights of each output add up to 1: no checkerboard by overlap."
    assert any("-" in step.text for step in found.steps), "negative weights are in the stamps"
    for step in found.steps[-len(np.ravel(found.facts["output"])) :]:
        _, written, result = step.text.split(" = ")
        assert eval(written.replace("·", "*")) == pytest.approx(float(result), abs=2e-3)


def test_a_function_that_is_neither_sum_nor_maximum_is_said_to_be_unknown(work):
    found = work("conv_max_pool")
    assert found.sentences[0].startswith("f is no sum")
    assert found.steps[0].text.startswith("output (0, 0) = f(")


def test_a_kernel_beside_must_fit_too():
    kernel = [[1, 2], [3, 4]]

    def beside(text, component="resize_conv", kernel=kernel):
        settings = PluginSettings(builtins_only=True)
        return explain_beside(component, (), (text,), kernel=kernel, settings=settings)[1].facts["kernel"]

    assert beside("{use: transposed_conv, kernel_size: 2}") == kernel
    assert beside("transposed_conv") == kernel
    assert beside("nearest") is None
    with pytest.raises(UserError, match=r"a kernel of 3x3 here\. Received: 2x2"):
        beside("{use: transposed_conv, kernel_size: 3}")
    for text in ("3", "null", "[1]"):
        with pytest.raises(UserError, match="--beside: must be"):
            beside(text, "latent/normal", None)


def test_overlap_is_that_of_the_kernel_that_is_shown(work):
    found = work("resize_conv", "interpolation=bilinear", kernel=[[1, 1], [1, 1]])
    assert "add up to 4: no checkerboard" in " ".join(found.sentences)


def test_the_stamps_that_the_padding_cuts_are_counted(work):
    whole = "A whole stamp has 16 numbers."
    assert (
        f"{whole} Here padding same cuts the stamps of 4 inputs: 9 numbers are left."
        in work("upsample/transposed_conv", "kernel_size=4").sentences
    )
    uncut = work("upsample/transposed_conv", "kernel_size=4", "padding=valid").sentences
    assert not any("stamp" in sentence for sentence in uncut)
    assert not any("stamp" in sentence for sentence in work("resize_conv").sentences)


def test_an_input_with_a_weight_of_zero_is_in_the_window_too(work):
    found = work("conv_max_pool", input=[[1, 2, 3, 4]] * 4, kernel=[[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    # A window of 2x2 outputs of a convolution with 3x3 weights sees 4x4 inputs, cut at the edge.
    assert found.facts["counts"]["how often each input is used, padding same"][1] == [2, 4, 4, 2]


@pytest.mark.parametrize(
    ("given", "place"), [([[1, "a"], [2, 3]], "row 1, column 2"), ([[1, 2], [1e9, 3]], "row 2, column 1")]
)
def test_a_wrong_number_is_named_with_its_place(given, place, work):
    with pytest.raises(UserError, match=rf"input: {place}: must be a number between -1e6 and 1e6"):
        work("max_pool", input=given)
