"""The model card: what an exported generator is, how to use it, what was measured, and what nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dcgan_kit.evaluation.results import BETTER, Evaluation, shown
from dcgan_kit.exports.destination import MARK
from dcgan_kit.exports.formats import ModelFormat
from dcgan_kit.exports.fresh_process import Difference
from dcgan_kit.exports.image_model import IMAGE, LABEL, LATENT
from dcgan_kit.exports.snippet import Snippet
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.version import __version__, package_version

MOST_CLASSES = 100
_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>|#"})


@dataclass(frozen=True)
class Provenance:
    """Where a generator comes from.

    Attributes:
        recipe: its recipe.
        step: number of steps that it was trained.
        kind: which generator it is, such as ``the moving average of the generator``.
        data: the name of the data.
        images: number of training images; None if nobody knows.
        class_names: names of the classes, in order of their numbers; empty if they have none.
        evaluation: scores of its samples, or None.
    """

    recipe: ResolvedRecipe
    step: int
    kind: str
    data: str
    images: int | None = None
    class_names: Sequence[str] = ()
    evaluation: Evaluation | None = None


def model_card(
    form: ModelFormat, source: Provenance, code: Snippet, labels: bool, difference: Difference, needs: Sequence[str]
) -> str:
    """Return the card as Markdown, with a front matter as on Hugging Face.

    Args:
        form: the format of the model.
        source: where the generator comes from.
        code: the program that loads the model.
        labels: whether the model takes classes.
        difference: what the comparison with the generator found.
        needs: lines of Python that import code of layers that Keras does not have.
    """
    sections = (
        _head(form, source, labels),
        _signature(source, labels),
        f"## Use\n\nIn the folder of this {'model folder' if form.folder else 'file'}:\n\n"
        f"```python\n{code.text}\n```\n\n{_needs(form, needs)}",
        f"## Checked\n\nThe model was loaded by this program, with 16 other latent vectors, and compared with the "
        f"generator: {difference}. Pixels may differ by one grey level where a value is halfway between two.",
        _scores(source),
        _limits(source),
        _versions(form),
    )
    return "\n\n".join(filter(None, sections)) + "\n"


def _head(form: ModelFormat, source: Provenance, labels: bool) -> str:
    recipe = source.recipe
    matter = f"---\nlibrary_name: {form.library}\ntags: [dcgan-kit, gan, image-generation]\nlicense: unknown\n---"
    if not labels:
        matter = matter.replace("\nlicense", "\npipeline_tag: unconditional-image-generation\nlicense")
    height, width, channels = recipe.image.shape
    held_out = f"{recipe.training.held_out:.0%} of the images were held out" if recipe.training.held_out else ""
    data = "; ".join(filter(None, (plain(source.data), f"{source.images:,} images" if source.images else "", held_out)))
    lines = (
        f"{matter}\n{MARK}\n\n# {plain(recipe.name)}\n",
        f"A generator of images, {height}x{width}x{channels}, as {form.title}. dcgan-kit trained it.\n",
        f"* Recipe: {plain(recipe.name)}{f' ({plain(recipe.description)})' if recipe.description else ''}",
        f"* Generator: {source.kind}, after {source.step:,} steps",
        f"* Trained on: {data}",
    )
    return "\n".join(lines)


def _signature(source: Provenance, labels: bool) -> str:
    recipe = source.recipe
    latent, (height, width, channels) = recipe.latent, recipe.image.shape
    options = ", ".join(f"{name} {value}" for name, value in latent.options.items() if name != "size")
    # After two spaces, a summary has the shapes of the component itself.
    summary = plain(latent.component.summary.partition("  ")[0])
    drawn = f"{latent.component.name}{f' ({options})' if options else ''}: {summary}"
    rows = [
        ("name", "type", "shape", "meaning"),
        ("---", "---", "---", "---"),
        (f"input `{LATENT}`", "float32", f"(B, {recipe.latent_size})", f"the latent vectors. In training, {drawn}"),
    ]
    if labels:
        rows.append((f"input `{LABEL}`", "int32", "(B,)", f"the classes, 0 … {(recipe.classes or 1) - 1}"))
    rows.append(
        (f"output `{IMAGE}`", "uint8", f"(B, {height}, {width}, {channels})", "the images, grey levels 0 … 255")
    )
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    names = [f"{number} {plain(name)}" for number, name in enumerate(source.class_names[:MOST_CLASSES])]
    classes = f"\n\nClasses: {', '.join(names)}." if labels and names else ""
    return f"## Signature\n\n{table}\n\nB is any number of images.{classes}"


def _needs(form: ModelFormat, needs: Sequence[str]) -> str:
    kit = f"First install dcgan-kit, version {__version__}"
    if form.name == "npz":
        return (
            f"{kit}. `dcgan-kit sample` takes the file too. With classes, `images` makes one after the other, or those "
            "of `label`."
        )
    packages = " ".join(("numpy", *form.runtime))
    if form.name != "keras":
        return f"It needs `pip install {packages}`, and no dcgan-kit."
    if not needs:
        return f"It needs `pip install {packages}`, and no dcgan-kit: every layer is one of Keras."
    plugins = "" if list(needs) == ["import dcgan_kit"] else " The program also needs the plugin that it imports."
    return f"{kit}: Keras does not have all layers of this network. Then `pip install {packages}`.{plugins}"


def _scores(source: Provenance) -> str:
    if source.evaluation is None:
        return "## Scores\n\nNobody has measured this generator: the run has no `evaluation.json`."
    step = plain(str(source.evaluation.of.get("step"))[:100])
    rows = [
        (plain(one.number), shown(one.value), shown(one.floor), BETTER[one.better]) for one in source.evaluation.numbers
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        f"## Scores\n\nOf samples at step {step}. A floor is the score that held-out real images get in place of the "
        f"samples.\n\n| number | samples | floor | better |\n| --- | ---: | ---: | --- |\n{table}"
    )


def _limits(source: Provenance) -> str:
    return (
        "## Limits\n\n"
        "* The license of the training images is unknown to dcgan-kit. Find out whether it allows your use.\n"
        "* The model knows only images like those that it was trained on, and may have memorized some of them.\n"
        "* Latent vectors that are drawn in another way than in training give other, mostly worse images."
    )


def _versions(form: ModelFormat) -> str:
    packages = dict.fromkeys(("keras", "tensorflow", *form.modules.values(), *form.runtime))
    packages.pop("dcgan-kit", None)
    return f"## Versions\n\ndcgan-kit {__version__}, " + ", ".join(f"{one} {package_version(one)}" for one in packages)


def plain(text: str) -> str:
    """Return a text of somebody else as Markdown that shows its characters, on one line."""
    return " ".join(text.split()).translate(_SPECIAL)
