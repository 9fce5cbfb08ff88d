"""A trained generator as a model for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.errors import RunError, UserError, did_you_mean
from dcgan_kit.recipes.resolved import Choice
from dcgan_kit.terminal.console import note

if TYPE_CHECKING:
    from dcgan_kit.api.trained_generator import TrainedGenerator
    from dcgan_kit.evaluation.results import Evaluation
    from dcgan_kit.exports.destination import Destination
    from dcgan_kit.exports.exporter import Exported, GeneratorFile
    from dcgan_kit.exports.formats import ModelFormat
    from dcgan_kit.exports.model_card import Provenance
    from dcgan_kit.terminal.progress import Watcher

DTYPES = ("float32", "float16")
FOLDER = "export"
"""The folder in a run folder where models go by default."""


def export_generator(
    source: TrainedGenerator,
    name: str,
    output: str | Path | None,
    *,
    dtype: str,
    raw: bool,
    best: bool,
    watcher: Watcher | None,
) -> Exported:
    """Write a generator in a format; see ``TrainedGenerator.export``."""
    report = note if watcher is None else watcher.note
    # These modules need no TensorFlow, so a wrong path or a missing package is reported at once.
    form = _form(name, dtype)
    where = _destination(source, form, output, raw, best)
    file = _generator_file(source, form, dtype, raw, best)
    step, messages = source.sampled_from(best)
    for line in messages:
        report(line)
    from dcgan_kit.exports.exporter import export_model

    generator = source.generator(raw=raw, best=best)
    return export_model(generator, _provenance(source, step, raw, best, report), form, where, report, file)


def _form(name: str, dtype: str) -> ModelFormat:
    from dcgan_kit.exports.formats import FORMATS

    if name not in FORMATS:
        raise UserError(f"format: there is no {name!r}.{did_you_mean(str(name), FORMATS)}")
    if dtype not in DTYPES:
        raise UserError(f"dtype: must be {' or '.join(DTYPES)}. Received: {dtype!r}")
    if dtype != "float32" and name != "npz":
        raise UserError(f"dtype: {dtype} is for the format npz; the format {name} holds float32")
    FORMATS[name].require_modules()
    return FORMATS[name]


def _destination(
    source: TrainedGenerator, form: ModelFormat, output: str | Path | None, raw: bool, best: bool
) -> Destination:
    from dcgan_kit.api.run import Run
    from dcgan_kit.exports.destination import Destination, safe_file_name

    if output is not None:
        return Destination.of(form, Path(output))
    which = "".join(f"-{word}" for word, chosen in (("best", best), ("raw", raw)) if chosen)
    folder = source.path / FOLDER if isinstance(source, Run) else Path()
    return Destination.of(form, folder / f"{safe_file_name(source.resolved.name)}{which}{form.suffix}")


def _generator_file(
    source: TrainedGenerator, form: ModelFormat, dtype: Any, raw: bool, best: bool
) -> GeneratorFile | None:
    """Return how to write a generator file, if this is the format.

    Raises:
        UserError: the generator comes from such a file.
    """
    if form.name != "npz":
        return None
    from dcgan_kit.api.generators import Generator, write_generator
    from dcgan_kit.api.run import Run

    if isinstance(source, Generator):
        rounds = dtype == "float16" != source.facts.dtype
        kept = f". Its numbers are {source.facts.dtype}, and are not converted to {dtype}" if rounds else ""
        raise UserError(
            f"{source.resolved.name}: comes from a generator file already: copy {source.path}, or export a run{kept}"
        )
    assert isinstance(source, Run)
    from dcgan_kit.exports.exporter import GeneratorFile

    return GeneratorFile(
        write=lambda path: write_generator(source, path, dtype=dtype, raw=raw, best=best),
        rounded=dtype == "float16",
        folders=tuple(str(folder.absolute()) for folder in source.settings.folders),
    )


def _provenance(
    source: TrainedGenerator, step: int, raw: bool, best: bool, report: Callable[[str], object]
) -> Provenance:
    from dcgan_kit.api.run import Run
    from dcgan_kit.exports.model_card import Provenance
    from dcgan_kit.runs.environment import environment_of

    facts = environment_of(source.path) if isinstance(source, Run) else {}
    names = facts.get("class_names")
    kind = "the moving average of the generator" if source.averages(raw=raw, best=best) else "the generator itself"
    return Provenance(
        recipe=source.resolved,
        step=step,
        kind=f"{kind}{', from the best checkpoint' if best else ''}",
        data=_data_name(source.resolved.data),
        images=facts.get("images"),
        class_names=[str(one)[:100] for one in names] if isinstance(names, list) else (),
        evaluation=_evaluation(source.path, raw, best, report) if isinstance(source, Run) else None,
    )


def _data_name(data: Choice) -> str:
    """Return the data component with its texts. Of a path, only the last part: a card goes to other people."""
    texts = [Path(value).name for value in data.options.values() if isinstance(value, str)]
    return f"{data.component.name} ({', '.join(texts)})" if texts else data.component.name


def _evaluation(run: Path, raw: bool, best: bool, report: Callable[[str], object]) -> Evaluation | None:
    from dcgan_kit.evaluation.results import file_name, read_evaluation

    file = run / file_name(best, raw)
    if not file.exists():
        return None
    try:
        return read_evaluation(file)
    except RunError as error:
        report(f"the model card has no scores: {error}")
        return None
