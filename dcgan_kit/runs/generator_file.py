"""A generator file: one npz file with a trained generator, its recipe, and where it comes from."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dcgan_kit.errors import RunError, printable
from dcgan_kit.files import open_regular
from dcgan_kit.runs.folder_content import run_folder_above
from dcgan_kit.runs.manifest import Damaged
from dcgan_kit.runs.variable_archive import (
    MAX_TEXT_BYTES,
    META,
    Expected,
    most_bytes,
    not_finite,
    packed,
    read_header,
    unpacked_variables,
)

SUFFIX = ".npz"
RECIPE, FACTS = "recipe", "generator"
Dtype = Literal["float32", "float16"]
_Text = Annotated[str, Field(max_length=1000)]


class GeneratorFacts(BaseModel):
    """Where a generator comes from.

    Attributes:
        format: version of the format of the file.
        name: name of the recipe.
        step: number of steps that it was trained.
        average: whether it is the moving average of a generator.
        dtype: type of the numbers in the file; the networks compute with float32.
        dcgan_kit: the version that wrote the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal[1] = 1
    name: _Text
    step: Annotated[int, Field(ge=0, lt=2**63)]
    average: bool
    dtype: Dtype
    dcgan_kit: _Text


@dataclass(frozen=True)
class GeneratorTexts:
    """The texts of a generator file.

    Attributes:
        recipe: the recipe of the run, with all defaults, as YAML.
        facts: where the generator comes from.
    """

    recipe: str
    facts: GeneratorFacts


def generator_content(texts: GeneratorTexts, variables: Mapping[str, Any]) -> bytes:
    """Return the content of a generator file.

    Args:
        texts: its texts. Their ``dtype`` is that of the numbers in the file.
        variables: the values of the generator's variables by name. Those that are not floats keep their type.

    Raises:
        RunError: numbers are too large for float16.
    """
    dtype = np.dtype(texts.facts.dtype)
    with np.errstate(over="ignore"):
        arrays = {n: v.astype(dtype) if np.dtype(v.dtype).kind == "f" else v for n, v in variables.items()}
    wrong = not_finite(arrays)
    if wrong:
        raise RunError(f"{wrong[0]}: has numbers that are too large for {dtype}, which ends at {np.finfo(dtype).max:g}")
    facts = json.dumps(texts.facts.model_dump(), indent=2)
    return packed(arrays, {RECIPE: texts.recipe.encode(), FACTS: facts.encode()})


def read_generator_texts(path: Path) -> GeneratorTexts:
    """Return the recipe of a generator file, and where the generator comes from. Needs no TensorFlow.

    Raises:
        RunError: there is no such file, or it is no generator file.
    """
    try:
        with open_regular(path) as stream, zipfile.ZipFile(stream) as archive:
            recipe, facts = (_text(archive, name) for name in (RECIPE, FACTS))
        return GeneratorTexts(recipe, GeneratorFacts.model_validate_json(facts))
    except FileNotFoundError as error:
        raise RunError(f"{path}: there is no such file") from error
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise RunError(f"{path}: is no generator file of this version: {printable(problem)}") from error
    except Exception as error:
        # zipfile and NumPy may raise any exception for a damaged archive.
        run = run_folder_above(path) or "RUN"
        raise RunError(
            f"{path}: is no generator file, or is damaged. `dcgan-kit export {run} --format npz` writes one"
        ) from error


def read_generator_variables(path: Path, expected: Expected) -> dict[str, Any]:
    """Return the variables of a generator file by name, each with the shape and the type that is expected.

    Args:
        path: the file.
        expected: the name, shape and dtype of each variable of the generator.

    Raises:
        RunError: the file cannot be read, is damaged, or holds another generator.
    """
    dtype = np.dtype(read_generator_texts(path).facts.dtype)
    stored = {name: (shape, dtype if kind.kind == "f" else kind) for name, (shape, kind) in expected.items()}
    most = most_bytes(stored)
    try:
        with open_regular(path) as stream:
            content = stream.read(most + 1)
        if len(content) > most:
            raise RunError(f"{path}: is the generator of other networks than its recipe's")
        values = unpacked_variables(content, stored, f"{path}: is the generator")
    except Damaged as error:
        raise RunError(f"{path}: is damaged: {error}") from error
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror or error}") from error
    return {name: value.astype(expected[name][1]) for name, value in values.items()}


def _text(archive: zipfile.ZipFile, name: str) -> str:
    info = archive.getinfo(f"{META}{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > MAX_TEXT_BYTES:
        raise Damaged("an entry is not what was written")
    with archive.open(info) as stream:
        return read_header(io.BytesIO(stream.read(MAX_TEXT_BYTES)))[2].decode()
