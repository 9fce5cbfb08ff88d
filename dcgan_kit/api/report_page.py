"""An HTML report about one run, or about several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_kit.api.arguments import require_list
from dcgan_kit.api.run import open_run, require_no_recipe
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import UserError
from dcgan_kit.process import tensorflow_startup
from dcgan_kit.terminal.console import note
from dcgan_kit.terminal.progress import TaskProgress

if TYPE_CHECKING:
    from dcgan_kit.reports.comparisons import CheckpointAnalysis

PAGE = "report.html"


def report(
    runs: Sequence[str | Path],
    output: str | Path | None = None,
    *,
    quick: bool = False,
    generator: str | Path | None = None,
    settings: PluginSettings | None = None,
) -> Path:
    """Write one HTML file about runs. It works offline and needs no other file.

    The page shows samples, curves, scores, health, spectra, nearest neighbours and the recipe.

    Args:
        runs: run folders.
        output: the HTML file; default: ``report.html`` in the run folder; for several runs, beside the first one.
        quick: use only the files of the run: restore no checkpoint and load no data.
        generator: embed the generator of a single run, so that the page makes new samples offline. This is the folder
            in which ``npm install onnxruntime-web`` was run, or that package; the runtime becomes part of the page. It
            needs ``pip install 'dcgan-kit[export]'``. The page then has at most 15 MB.
        settings: which plugins may be loaded; default: the settings of the environment.

    Returns:
        The path of the page.

    Raises:
        UserError: a run is named twice, a folder holds no run, the output name does not end in ``.html``, or the
            generator cannot be embedded.
        RunError: the page cannot be written.
    """
    from dcgan_kit.api.embedded_generator import embedded_generator, require_embeddable
    from dcgan_kit.reports.embedded_generator import require_size
    from dcgan_kit.reports.facts import labels, read_facts
    from dcgan_kit.reports.page import page
    from dcgan_kit.runs.write_errors import write_requested_file

    target = None if output is None else Path(output)
    if target is not None and target.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"{target}: a report is a page; give a name that ends in .html")
    paths = [Path(run) for run in require_list("runs", runs)]
    # A pattern such as runs/* also matches the report about several runs.
    paths = [path for path in paths if len(paths) == 1 or path.name != PAGE or not path.is_file()]
    if not paths:
        raise UserError("runs: no run folder is given; give at least one")
    _require_once(paths)
    if generator is not None:
        require_embeddable(paths, quick)
    for path in paths:
        require_no_recipe(path, settings)
    facts = [read_facts(path, label) for path, label in zip(paths, labels(paths), strict=True)]
    # What is missing for a generator is told before the analysis, which takes longer.
    embedded = None if generator is None else embedded_generator(paths[0], Path(generator), settings)
    analyses = {} if quick else {run.label: _analysis(run.path, run.label, settings) for run in facts}
    if target is None:
        target = (paths[0] if len(paths) == 1 else paths[0].absolute().parent) / PAGE
    content = page(facts, analyses, embedded).encode()
    if embedded is not None:
        require_size(content, embedded)
    write_requested_file(target, content)
    note(f"{target}: {len(content) / 2**20:.1f} MiB about {', '.join(run.label for run in facts)}")
    return target


def _require_once(paths: Sequence[Path]) -> None:
    seen: dict[Path, Path] = {}
    for path in paths:
        first = seen.setdefault(path.resolve(), path)
        if first is not path:
            also = "" if first == path else f", as {first} too"
            raise UserError(f"{path}: this run is named twice{also}; name each once")


def _analysis(path: Path, label: str, settings: PluginSettings | None) -> CheckpointAnalysis:
    """Restore the checkpoint of a run and load its data. If that fails, return a note for the page."""
    from dcgan_kit.reports.comparisons import CheckpointAnalysis

    try:
        run = open_run(path, settings=settings)
        tensorflow_startup.start_tensorflow()
        from dcgan_kit.reports.checkpoint_analysis import analyze

        with TaskProgress() as progress:
            return analyze(run, lambda task, *counts: progress.preparation(f"{label}: {task}", *counts))
    except UserError as error:
        note(f"{label}: its networks cannot be analyzed: {error}")
        return CheckpointAnalysis(notes=(f"Its networks cannot be built: {error}",))
