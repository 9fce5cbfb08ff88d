"""The programs that measure a step: what they make of times, and a tiny measurement."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
CONVOLUTION = "mb64_ic3oc128_ih64oh32kh4sh2dh0ph1_iw64ow32kw4sw2dw0pw1"


@pytest.fixture
def step(program):
    return program("step")


@pytest.fixture
def operations(program):
    return program("operations")


def test_the_last_rows_compare_with_the_best_peer(step):
    times = {
        "ours float32": [10.0, 20.0, 10.0],
        "ours auto": [10.0, 10.0, 5.0],
        "keras fit": [15.0, 30.0, 15.0],
        "pytorch float32": [20.0, 20.0, 20.0],
        "pytorch bf16": [11.0, 12.0, 11.0],
    }
    *_, float32, best = step.rows("28", times)
    assert float32 == ("28", "ours float32", "10", "best in float32: keras fit", "15", "1.50", "1.50-1.50", "-", "-")
    assert best == ("28", "ours auto", "10", "best of all: pytorch bf16", "11", "1.20", "1.10-2.20", "1.15", "reached")
    assert len(step.rows("28", times)) == 2 + 3 + 2


def test_every_peer_is_a_loop_and_says_what_it_lacks(step, monkeypatch):
    assert {name for each in step.COMPARISONS for name in (each.ours, *each.peers)} <= set(step.CONTENDERS)
    compiled = step.CONTENDERS["pytorch compile bf16, channels last"]
    monkeypatch.setattr(step.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(step.shutil, "which", lambda name: None)
    assert "C++" in step._missing(compiled)
    assert step._missing(step.CONTENDERS["pytorch bf16"]) is None
    monkeypatch.setattr(step.importlib.util, "find_spec", lambda name: None)
    assert "pip install torch" in step._missing(step.CONTENDERS["pytorch bf16"])
    assert step._missing(step.CONTENDERS["keras fit"]) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("while/generator/stage1/conv_transpose:_MklNativeConv2DBackpropInput", "transposed convolution"),
        ("gradient_tape/while/generator/stage1/Conv2D:_MklNativeConv2D", "convolution"),
        ("gradient_tape/d/stage1:_MklNativeConv2DBackpropFilterWithBias", "gradient by weights"),
        ("gradient_tape/while/d/kernel_gradient_1/MatMul:_MklMatMul", "as matrix products"),
        ("gradient_tape/while/d/MatMul:_MklMatMul", "dense layers"),
        ("while/adam_2/Mul_3:Mul", "optimizer"),
        ("gradient_tape/while/d/Mul:Mul", "elementwise"),
        ("g/FusedBatchNormV3:_MklNativeFusedBatchNormV3", "batch normalization"),
        ("g/Cast:Cast", "casts"),
        ("while/ReadVariableOp:ReadVariableOp", "other"),
    ],
)
def test_kinds_of_operations(operations, name, kind):
    assert kind in operations.kind_of(name)


def test_convolutions_are_rated_by_their_operations(operations):
    lines = [
        "onednn_verbose,v1,primitive,exec,cpu,convolution,before,forward_training,a,b,c,mb1_ic1oc1_oh1kh1_ow1kw1,1",
        operations.BEGIN,
        "onednn_verbose,v1,info,cpu,runtime:threadpool,nthr:2",
        f"onednn_verbose,v1,primitive,exec,cpu,convolution,brg,backward_weights,src:a,attr,alg:b,{CONVOLUTION},2.5",
        "onednn_verbose,v1,primitive,exec,cpu,reorder,jit,undef,src:a dst:b,,,64x3x4x4,0.5",
        operations.END,
    ]
    ((convolution, ms), (reorder, least)) = operations.primitives(lines)
    assert (convolution.kind, convolution.implementation, ms, reorder.kind, least) == (
        "convolution", "brg", 2.5, "reorder", 0.5,
    )  # fmt: skip
    assert convolution.operations == 2 * 64 * 3 * 128 * 32 * 32 * 4 * 4
    assert operations.Primitive("matmul", "brg", "undef", "6272x64:64x10").operations == 2 * 6272 * 64 * 10
    name = "d/Conv2D:_MklNativeConv2DBackpropFilter"
    # A millisecond for as many operations as a product computes in half of it
    profile = operations.Profile(
        step=5.0,
        product=2e-6 * convolution.operations,
        operations={name: 1.0, "Cast:Cast": 2.0},
        primitives={convolution: (0.9, 1.0), reorder: (0.1, 1.0)},
    )
    kinds = profile.kinds()
    assert (kinds["gradient by weights"], kinds["between operations"]) == (1.0, 2.0)
    assert profile.share("gradient by weights", 1.0) == pytest.approx(0.5)
    assert profile.share("convolution", 1.0) is None


@pytest.mark.slow
def test_a_tiny_step_by_operation():
    words = ["--net", "classes28", "--batch", "4", "--steps", "2", "--computations"]
    run = subprocess.run(
        [sys.executable, str(FOLDER / "operations.py"), *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    rows = {line.split(" | ")[0].strip("| "): line.strip("| ").split(" | ")[1:] for line in run.stdout.splitlines()}
    step = float(rows["the step"][0])
    parts = [float(cells[0]) for kind, cells in rows.items() if len(cells) == 6 and cells[1].endswith("%")]
    assert step > float(rows["gradient by weights"][0]) > 0
    # Reorders and the step itself count twice; each number is rounded to a tenth.
    listed = sum(parts) - step - float(rows["of these three: reordering weights and maps"][0])
    assert listed == pytest.approx(step, abs=1.0)
