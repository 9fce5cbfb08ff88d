"""Scores of images: of a run, of image files, or of real images with known faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_kit.api.arguments import require_list, require_whole
from dcgan_kit.api.catalogue import chosen, everything
from dcgan_kit.components.contracts.training import Images, ImageSpec
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.errors import UserError, counted
from dcgan_kit.process import tensorflow_startup
from dcgan_kit.terminal.progress import progress_to

if TYPE_CHECKING:
    from dcgan_kit.components.registry import Registry
    from dcgan_kit.evaluation.calibration import Calibration
    from dcgan_kit.evaluation.request import Request
    from dcgan_kit.evaluation.results import Evaluation
    from dcgan_kit.evaluation.run_scores import EvaluatedImages
    from dcgan_kit.runs.run import StoredRun
    from dcgan_kit.terminal.progress import Watcher

MAX_EVALUATED = 1_000_000
"""At most this many images can be evaluated; the time of some scores grows with the square of the number."""


def evaluate_images(
    fake: str | Path,
    real: str | Path,
    *,
    scores: Sequence[str] | None = None,
    extractor: str | None = None,
    samples: int | None = None,
    size: str | tuple[int, int, int] | None = None,
    judges: bool | None = None,
    watcher: Watcher | None = None,
    settings: PluginSettings | None = None,
) -> Evaluation:
    """Compare images with real images by scores. Each number comes with its floor.

    The floor is the score that other real images get in place of ``fake``. Images can come from any program.

    Args:
        fake: the images to evaluate: a folder, .zip, .npz or .npy.
        real: the real images to compare with, in the same formats.
        scores: ``NAME`` or ``NAME:option=value``; default: all scores that the images and the extractor allow.
        extractor: the component that computes the features of images; default: chosen by the images.
        samples: number of images to evaluate; default: all.
        size: resize all images to this (height, width, channels) or ``"HxWxC"``; default: do not resize, so both sides
            must have the same size.
        judges: whether several unlike judges look at the images too (``evaluation.judges``); default: if neither
            ``scores`` nor ``extractor`` is given.
        watcher: receives the progress; default: a progress bar on standard error.
        settings: which plugins may be loaded; default: the settings of the environment.

    Raises:
        UserError: images are missing or have two sizes; there is no such score, or it cannot be computed for these
            images.
    """
    request = _request(scores, extractor, samples, judges=judges)
    registry = _registry(request, load_builtins(chosen(settings)).registry, settings)
    with progress_to(watcher) as progress:
        # Reading images needs no TensorFlow, so errors in them are reported before TensorFlow starts.
        fakes, reals = _read(Path(fake), Path(real), size, registry, progress)
        if samples is not None and len(fakes) < samples:
            raise UserError(f"{fake}: has {counted(len(fakes), 'image')}, and --samples asks for {samples}")
        tensorflow_startup.start_tensorflow()
        evaluated = _evaluated(Path(fake), Path(real), fakes, reals, samples, resized=size is not None)
        from dcgan_kit.evaluation.run_scores import evaluate

        return evaluate(request, registry, evaluated, progress.preparation, progress.note)


def evaluate_run(
    run: StoredRun,
    settings: PluginSettings,
    scores: Sequence[str] | None,
    extractor: str | None,
    samples: int | None,
    class_scores: Sequence[str] | None,
    *,
    size: str | tuple[int, int, int] | None = None,
    judges: bool | None = None,
    raw: bool,
    best: bool,
    watcher: Watcher | None,
) -> Evaluation:
    """Compare samples of a run with the images of its recipe; see ``Run.evaluate``. Writes no file.

    Raises:
        UserError: see ``Run.evaluate``.
    """
    from dcgan_kit.data.loading import require_data
    from dcgan_kit.data.resized_pixels import unresizable
    from dcgan_kit.runs.folder_content import require_checkpoint

    request = _request(scores, extractor, samples, class_scores, judges)
    registry = _registry(request, run.plugins.registry, settings)
    if class_scores is not None and run.resolved.condition is None:
        raise UserError(
            f"--class-scores: the recipe of {run.path} has no classes to score one by one; leave the option out"
        )
    spec = None if size is None else _spec(size)
    if spec is not None and (reason := unresizable(run.resolved.image.shape[-1], spec)):
        raise UserError(f"--size: {reason}")
    require_checkpoint(run.folder)
    require_data(run.resolved)
    tensorflow_startup.start_tensorflow()
    from dcgan_kit.evaluation.common_size import resized_reals
    from dcgan_kit.evaluation.evaluator import default_samples, split_reference
    from dcgan_kit.evaluation.generated_batches import GeneratedSamples
    from dcgan_kit.evaluation.run_scores import EvaluatedImages, evaluate

    with progress_to(watcher) as progress:
        restored = run.restored(best)
        images = run.read_images(partial(progress.preparation, "reading images"))
        reals = split_reference(images.training, images.held_out)
        if spec is not None:
            reals = resized_reals(reals, spec)
        count = samples or default_samples(reals)
        generated = GeneratedSamples(run.resolved, restored.generator(raw), count, images.training, spec)
        evaluated = EvaluatedImages(
            of={"run": str(run.path), "step": restored.step, "best": best, "raw": raw, **resized_to(spec)},
            batches=generated.batches,
            samples=count,
            reals=reals,
            source=run.resolved.data.component.name,
            notes=restored.notes,
            generated=None if generated.classes is None else generated,
            classes=run.resolved.classes or 0,
        )
        return evaluate(request, registry, evaluated, progress.preparation, progress.note)


def calibrate(
    *,
    scores: Sequence[str] | None = None,
    extractor: str | None = None,
    samples: int | None = None,
    judges: bool | None = None,
    watcher: Watcher | None = None,
    settings: PluginSettings | None = None,
) -> Calibration:
    """Evaluate the embedded images, and copies of them with known faults. This shows which faults each score detects.

    Args:
        scores: ``NAME`` or ``NAME:option=value``; default: all.
        extractor: the component that computes the features of images; default: chosen by the images.
        samples: number of images for each fault; default: the largest possible number.
        judges: whether several unlike judges look at them too; default: if neither ``scores`` nor ``extractor`` is
            given.
        watcher: receives the progress; default: a progress bar on standard error.
        settings: which plugins may be loaded; default: the settings of the environment.

    Raises:
        UserError: there is no such score or extractor.
    """
    request = _request(scores, extractor, samples, judges=judges)
    registry = _registry(request, load_builtins(chosen(settings)).registry, settings)
    tensorflow_startup.start_tensorflow()
    from dcgan_kit.evaluation.run_scores import calibration
    from dcgan_kit.evaluation.selection import EMBEDDED, choice_of

    source, shape = EMBEDDED
    images = choice_of("data", source, registry).build(ImageSpec(*shape))
    with progress_to(watcher) as progress:
        return calibration(request, registry, images, source, progress.preparation, progress.note)


def _request(
    scores: Sequence[str] | None,
    extractor: str | None,
    samples: int | None,
    class_scores: Sequence[str] | None = None,
    judges: bool | None = None,
) -> Request:
    from dcgan_kit.evaluation.request import Request

    if samples is not None:
        require_whole("samples", samples, 2, MAX_EVALUATED)
    names, of_class = (
        None if texts is None else require_list(name, texts, 1)
        for name, texts in (("scores", scores), ("class_scores", class_scores))
    )
    return Request(names, extractor, samples, of_class, judges)


def _registry(request: Request, known: Registry, settings: PluginSettings | None) -> Registry:
    """Return the loaded components; if they lack a requested name, load the components of all plugins.

    Raises:
        UserError: there is no such score or extractor, or it does not take these options.
    """
    sufficient = chosen(settings).builtins_only or request.only_names(known)
    registry = known if sufficient else everything(settings).registry
    request.require_known(registry)
    return registry


def _read(
    fake: Path, real: Path, size: str | tuple[int, int, int] | None, registry: Registry, watcher: Watcher
) -> tuple[Images, Images]:
    from dcgan_kit.data.progress import reporting_to
    from dcgan_kit.evaluation.image_paths import images_at, size_at

    if size is not None:
        spec = _spec(size)
    else:
        with reporting_to(partial(watcher.preparation, "comparing sizes")):
            spec, fake_spec = size_at(real), size_at(fake)
        if fake_spec != spec:
            one, other = ("x".join(map(str, each.shape)) for each in (fake_spec, spec))
            raise UserError(f"{fake} has images of {one}, and {real} of {other}: give --size, e.g. --size {other}")
    with reporting_to(partial(watcher.preparation, "reading images")):
        return images_at(fake, spec, registry), images_at(real, spec, registry)


def _evaluated(
    fake: Path, real: Path, fakes: Images, reals: Images, samples: int | None, resized: bool
) -> EvaluatedImages:
    from dcgan_kit.data.loading import messages_about
    from dcgan_kit.evaluation.evaluator import split_reference, subsample
    from dcgan_kit.evaluation.features import batches_of
    from dcgan_kit.evaluation.run_scores import EvaluatedImages

    fakes = subsample(fakes, samples or len(fakes))
    return EvaluatedImages(
        of={"fake": str(fake), "real": str(real)},
        batches=partial(batches_of, fakes),
        samples=len(fakes),
        reals=replace(split_reference(reals, None, "real"), resized=resized),
        notes=[line for images in (fakes, reals) for line in messages_about(images)],
    )


def resized_to(spec: ImageSpec | None) -> dict[str, str]:
    """Return what an evaluation says about the size that images were resized to."""
    return {} if spec is None else {"size": "x".join(map(str, spec.shape))}


def _spec(size: str | tuple[int, int, int]) -> ImageSpec:
    from dcgan_kit.evaluation.request import size_of

    text = size if isinstance(size, str) else "x".join(map(str, size))
    spec = size_of(text)
    if spec is None:
        raise UserError(f"--size: height, width and 1 to 4 channels, e.g. 64x64x3. Received: {text}")
    return spec
