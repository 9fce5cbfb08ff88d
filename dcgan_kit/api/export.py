"""A trained generator as a model for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_kit.errors import RunError, UserError, did_you_mean
from dcgan_kit.recipes.resolved import Choice
from dcgan_kit.runs.environment import environment_of
from dcgan_kit.runs.folder_content import require_checkpoint
from dcgan_kit.terminal.console import note

if TYPE_CHECKING:
    from dcgan_kit.api.run import Run
    from dcgan_kit.evaluation.results import Evaluation
    from dcgan_kit.exports.exporter import Exported
    from dcgan_kit.exports.model_card import Provenance
    from dcgan_kit.terminal.progress import Watcher

FORMATS = ("keras", "savedmodel", "onnx", "litert")
"""Names of the formats."""
FOLDER = "export"
"""The folder in a run folder where models go by default."""


def export_run(
    run: Run, name: str, output: str | Path | None, *, raw: bool, best: bool, watcher: Watcher | None
) -> Exported:
    """Write the generator of a run in a format; see ``Run.export``."""
    if name not in FORMATS:
        raise UserError(f"format: there is no {name!r}.{did_you_mean(name, FORMATS)}")
    report = note if watcher is None else watcher.note
    require_checkpoint(run.folder)
    # The formats are known without TensorFlow, so a wrong path or a missing package is reported at once.
    from dcgan_kit.exports.formats import MODEL_FORMATS

    form = MODEL_FORMATS[name]
    form.require_modules()
    from dcgan_kit.exports.destination import Destination

    suffix = "".join(f"-{word}" for word, chosen in (("best", best), ("raw", raw)) if chosen)
    default = run.path / FOLDER / f"{run.resolved.name}{suffix}{form.suffix}"
    where = Destination.of(form, default if output is None else Path(output))
    generator = run.generator(raw=raw, best=best)
    for line in run.restored(best).notes:
        report(line)
    from dcgan_kit.exports.exporter import export_model

    return export_model(generator, _provenance(run, raw, best, report), form, where, report)


def _provenance(run: Run, raw: bool, best: bool, report: Callable[[str], object]) -> Provenance:
    from dcgan_kit.exports.model_card import Provenance

    facts, restored = environment_of(run.path), run.restored(best)
    averaged = restored.state.averaged is not None and not raw
    kind = f"{'the moving average of the generator' if averaged else 'the generator itself'}"
    names = facts.get("class_names")
    return Provenance(
        recipe=run.resolved,
        step=restored.step,
        kind=f"{kind}{' at the best checkpoint' if best else ''}",
        data=_data_name(run.resolved.data),
        images=facts.get("images"),
        class_names=[str(one) for one in names] if isinstance(names, list) else (),
        evaluation=_evaluation(run, raw, best, report),
    )


def _data_name(data: Choice) -> str:
    """Return the data component with its texts. Of a path, only the last part: a card goes to other people."""
    texts = [Path(value).name for value in data.options.values() if isinstance(value, str)]
    return " ".join((data.component.name, *([f"({', '.join(texts)})"] if texts else ())))


def _evaluation(run: Run, raw: bool, best: bool, report: Callable[[str], object]) -> Evaluation | None:
    from dcgan_kit.evaluation.results import file_name, read_evaluation

    file = run.path / file_name(best, raw)
    if not file.exists():
        return None
    try:
        return read_evaluation(file)
    except RunError as error:
        report(f"the model card has no scores: {error}")
        return None
