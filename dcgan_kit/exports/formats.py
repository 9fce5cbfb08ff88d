"""The formats of exported models: what each needs, how it is written, and how a program loads it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_kit.errors import UserError
from dcgan_kit.process.captured_output import captured_output

MOST_OUTPUT = 2000
"""Most characters of a converter's output in an error; the reason stands at its end."""

_UNKNOWN = (r"'tf\.(\w+)' op is neither a custom op nor a flex op", r"Tensorflow op \[[^\]]*: (\w+)\] is not supported")
"""How the converters of LiteRT and of tf2onnx name an operation that they do not know."""


@dataclass(frozen=True)
class ModelFormat:
    """A format of exported models.

    Attributes:
        name: its name on the command line.
        title: its name in texts.
        suffix: the end of the path's name.
        write: (model, path) → None; writes the model. None for a generator file, which holds no model.
        modules: modules that writing and loading need besides TensorFlow, with the names of their packages.
        runtime: packages whose versions decide about the loaded model's numbers.
        library: name of the library for the front matter of the model card.
        imports: a line of Python that imports what loads the model.
        call: lines of Python that load the model ``{path}``, a literal, and make ``images``. The inputs are ``{pairs}``
            of a mapping or keyword ``{arguments}``; ``{settings}`` is an argument with folders of plugins.
        folder: whether the model is a folder.
        labels: whether a program gives the model the class of each image, if the generator takes classes.
    """

    name: str
    title: str
    suffix: str
    write: Callable[[Any, Path], None] | None
    runtime: tuple[str, ...]
    library: str
    imports: str
    call: str
    modules: Mapping[str, str]
    folder: bool = False
    labels: bool = True

    def require_modules(self) -> None:
        """Check that the packages that this format needs are installed.

        Raises:
            UserError: one is missing.
        """
        missing = [package for module, package in self.modules.items() if importlib.util.find_spec(module) is None]
        if missing:
            are = f"{' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed"
            raise UserError(f"the format {self.name} needs {are}: pip install 'dcgan-kit[export]'")

    def convert(self, model: Any, path: Path) -> None:
        """Write a model; messages of the converter are shown only if it fails.

        Raises:
            UserError: the converter failed.
        """
        assert self.write is not None
        try:
            with captured_output() as output:
                self.write(model, path)
        except Exception as error:
            # Converters raise errors of many types, for operations that they do not know among others.
            raise UserError(self._refusal(f"{output.text}\n{error}".strip())) from error
        if _unknown_operations(output.text):
            # tf2onnx reports them, and writes a file that no runtime loads.
            raise UserError(self._refusal(output.text))

    def _refusal(self, said: str) -> str:
        """Return the message for what a converter said. Most of that is for people who write converters."""
        unknown = _unknown_operations(said)
        if unknown:
            of = "operation" if len(unknown) == 1 else "operations"
            return f"{self.title} cannot hold this generator: the converter does not know the {of} {', '.join(unknown)}"
        return f"{self.title} cannot hold this generator. The converter says:\n{said[-MOST_OUTPUT:]}"


def _unknown_operations(said: str) -> list[str]:
    return sorted({one for pattern in _UNKNOWN for one in re.findall(pattern, said)})


def _write_keras(model: Any, path: Path) -> None:
    model.save(path)


def _write_saved_model(model: Any, path: Path) -> None:
    model.export(path, format="tf_saved_model", verbose=False)


def _write_onnx(model: Any, path: Path) -> None:
    from keras import ops

    # Keras refuses a model that was never called.
    model({name: ops.zeros((1, *tensor.shape[1:]), tensor.dtype) for name, tensor in model.input.items()})
    model.export(path, format="onnx", verbose=False)
    _name_batch(path)


def _name_batch(path: Path) -> None:
    """Call the number of images B, in place of another number of tf2onnx for each input and output."""
    import onnx

    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "B"
    onnx.save(model, path)


def _write_litert(model: Any, path: Path) -> None:
    import tensorflow as tf

    # Keras would also allow operations of TensorFlow, which LiteRT's own runtime does not have.
    model.export(path, format="litert", verbose=False, target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]})


FORMATS = {
    one.name: one
    for one in (
        ModelFormat(
            "keras", "a Keras file", ".keras", _write_keras, ("keras", "tensorflow"), "keras",
            "import keras",
            'model = keras.saving.load_model({path})\n'
            'images = np.asarray(model({{{pairs}}})["image"])',
            {},
        ),
        ModelFormat(
            "savedmodel", "a SavedModel", "-savedmodel", _write_saved_model, ("tensorflow",), "tf-keras",
            "import tensorflow as tf",
            'model = tf.saved_model.load({path})\n'
            'images = model.serve({{{pairs}}})["image"].numpy()',
            {}, folder=True,
        ),
        ModelFormat(
            "onnx", "an ONNX file", ".onnx", _write_onnx, ("onnxruntime",), "onnx",
            "import onnxruntime",
            'session = onnxruntime.InferenceSession({path})\n'
            '(images,) = session.run(["image"], {{{pairs}}})',
            {"tf2onnx": "tf2onnx", "onnx": "onnx", "onnxruntime": "onnxruntime"},
        ),
        ModelFormat(
            "litert", "a LiteRT file", ".tflite", _write_litert, ("ai-edge-litert",), "litert",
            "from ai_edge_litert.interpreter import Interpreter",
            'generate = Interpreter({path}).get_signature_runner()\n'
            'images = generate({arguments})["image"]',
            {"ai_edge_litert": "ai-edge-litert"},
        ),
        ModelFormat(
            "npz", "a generator file of dcgan-kit", ".npz", None, ("dcgan-kit",), "dcgan-kit",
            "import dcgan_kit",
            'generator = dcgan_kit.open_generator({path}{settings})\n'
            "images = generator.images(latent)",
            {}, labels=False,
        ),
    )
}  # fmt: skip
"""Every format, by name."""
