"""Generate parts of docs/ from the code: keys, components, lints, commands, published models, decisions, seeded faults.

Usage: python scripts/generate_docs.py [--check]

Each page keeps the text above its marker line. The script replaces everything below the marker. The page of claims is
written as a whole from the records and discussions in docs/claims/. With ``--check`` the script writes nothing, and the
exit status is 1 if a page is out of date.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import click
import yaml
from click.testing import CliRunner

from dcgan_kit.api.claims import claims_text
from dcgan_kit.cli import cli
from dcgan_kit.components.component import Component
from dcgan_kit.components.kinds import KINDS
from dcgan_kit.components.option_schema import draft_07, option_facts, shown_default, type_of
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.lint import lint
from dcgan_kit.networks.network import Networks
from dcgan_kit.networks.summary import summarize
from dcgan_kit.process.tensorflow_startup import start_tensorflow
from dcgan_kit.recipes import keys
from dcgan_kit.recipes.key_declarations import Recipe
from dcgan_kit.recipes.loading import description_of, load_recipe
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.recipes.schema import schema_text
from dcgan_kit.recipes.shipped_schema import SCHEMA_FILE
from dcgan_kit.recipes.yaml_writer import as_data

DOCS = Path(__file__).resolve().parent.parent / "docs"
RECIPES = DOCS.parent / "recipes"
MODELS_OF_TESTS = DOCS.parent / "tests" / "twins" / "recipes"
SEEDED_FAULTS = DOCS.parent / "tests" / "probing" / "seeded_faults"
MARKER = "<!-- Below this line: written by scripts/generate_docs.py. -->"
PUBLISHED = (
    "radford-faces64",
    "tensorflow-mnist28",
    "pytorch-celeba64",
    "keras-celeba64",
    "carpedm20-celeba64",
    "comparegan-celeba64",
    "tfgan-cifar32",
    "coursera-mnist28",
    "studiogan-cifar32",
    "mmgeneration-64",
)
FOLLOWERS = (
    "sngan-cifar32",
    "cganpd-cifar32",
    "wgangp-resnet-cifar32",
    "wgangp-resnet-cifar32-acgan",
    "sagan64-small",
    "acgan-mnist28",
    "cdcgan-mnist28",
    "wgan-cifar32",
    "r3gan-cifar32",
    "r3gan-cifar32-conditional",
    "r3gan-tiny32",
)


def recipes_page() -> Iterator[str]:
    """Yield every key of the recipe language, the rules of blocks, and the shipped recipes."""
    schema = draft_07(Recipe.model_json_schema())
    models = {"": schema, **schema["definitions"]}
    yield "## Every key"
    yield (
        "*Required* means: here or in a recipe that is extended. A *slot* takes a component of the kind it is named "
        "for. In ranges `[` and `]` include the bound, `(` and `)` exclude it."
    )
    for title, name in _SECTIONS.items():
        yield f"### {title}"
        yield table(("key", "type and range", "default", "meaning"), list(_keys(models[name])))
    yield "### generator, discriminator and their blocks"
    yield from _network_keys(models)
    yield "### shortcut"
    yield table(("key", "type and range", "default", "meaning"), list(_keys(models["Shortcut"])))
    yield "### Orders"
    yield table(
        ("block", "slots that `order` may name", "order if none is given"),
        [(code(path), ", ".join(rule.slots), ", ".join(rule.order)) for path, _, rule in _BLOCKS if rule],
    )
    yield "## Shipped recipes"
    recipes = load_builtins().recipes
    yield table(("recipe", "what it is"), [(code(name), description_of(recipes[name])) for name in sorted(recipes)])


_SECTIONS = {
    "The top of a recipe": "",
    "image": "Image",
    "condition": "Condition",
    "training": "Training",
    "training.generator, training.discriminator": "TrainingOfNetwork",
    "training.best": "Best",
    "training.recover": "Recovery",
    "training.evaluation": "Evaluation",
    "training.probing": "Probing",
    "distribute": "Distribute",
}
_BLOCKS = (
    ("generator", "Generator", None),
    ("generator.input", "GeneratorInput", keys.GENERATOR_INPUT),
    ("generator.stages", "GeneratorStage", keys.GENERATOR_STAGE),
    ("generator.output", "GeneratorOutput", keys.GENERATOR_OUTPUT),
    ("discriminator", "Discriminator", None),
    ("discriminator.stages", "DiscriminatorStage", keys.DISCRIMINATOR_STAGE),
    ("discriminator.output", "DiscriminatorOutput", keys.DISCRIMINATOR_OUTPUT),
)
_ALWAYS_NEEDED = ("latent", "data", "loss", "optimizer")


def _keys(model: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    yield from (_key(model, name, field) for name, field in model["properties"].items())


def _key(model: dict[str, Any], name: str, field: dict[str, Any]) -> tuple[str, str, str, str]:
    if name in model.get("required", ()) or (name in _ALWAYS_NEEDED and model["title"] != "TrainingOfNetwork"):
        default = "required"
    else:
        default = "" if field["default"] is None or "$ref" in field else code(shown_default(field["default"]))
    return code(name), _key_type(name, field), default, field["description"]


def _key_type(name: str, field: dict[str, Any]) -> str:
    if "$ref" in field:
        return "mapping"
    if name in keys.LIST_KEYS:
        return "list of slots"
    if name == "order":
        return "list of names of slots, or of mappings from one slot to its options"
    return "slot" if name in keys.SLOT_KEYS else type_of(field).removesuffix(" or null")


def _network_keys(models: dict[str, Any]) -> Iterator[str]:
    fields: dict[str, dict[str, Any]] = {}
    # If blocks describe a key differently, take the most general text, which is that of the generator's stages.
    for name in ("GeneratorStage", *(name for _, name, _ in _BLOCKS)):
        fields = {**models[name]["properties"], **fields}
    yield "What is taken where a block leaves a key open; – where the key does not exist."
    yield table(
        ("key", *(code(path) for path, _, _ in _BLOCKS), "meaning"),
        [
            (code(key), *(_default_text(models[name], rule, key) for _, name, rule in _BLOCKS), field["description"])
            for key, field in sorted(fields.items(), key=lambda item: (item[0] not in keys.SLOT_KEYS, item[0]))
        ],
    )
    yield (
        "*network's*: what the network itself has under that key. If it has nothing either, there is no "
        "normalization, regularizer or constraint, a bias is learned, a convolution that only changes channels is "
        "3x3, and anything else is an error. `filters` is a whole number from 1 to 16384, `bias` is true or false, "
        "and there are at most 100 stages."
    )


def _default_text(model: dict[str, Any], rule: keys.BlockRule | None, key: str) -> str:
    if key not in model["properties"]:
        return "–"
    if key in model.get("required", ()):
        return "required"
    if rule is None:
        return {"bias": "`true`", "stages": "none"}.get(key, "for its blocks")
    if key == "repeat":
        return "`1`"
    if key == "shortcut":
        return "network's"
    if key == "order":
        return "network's, or below" if rule in (keys.GENERATOR_STAGE, keys.DISCRIMINATOR_STAGE) else "below"
    if key == "filters":
        return "as many as its input has"
    if key in rule.inherited or key in ("initializer", "constraint", "bias"):
        return "network's"
    return "required" if key in rule.required else "nothing"


def components_page() -> Iterator[str]:
    """Yield every kind with its components and their options."""
    registry = load_builtins().registry
    yield table(
        ("kind", "what it does", "components"),
        [(f"[{k.name}](#{k.name})", k.summary, len(registry.of_kind(k.name))) for k in KINDS.values()],
    )
    for kind in KINDS.values():
        argument = f"`{kind.argument}`" if kind.argument else "nothing"
        yield f"## {kind.name}"
        yield f"{kind.summary} A factory takes {argument} and returns {kind.returns}."
        if kind.required_options:
            yield f"Every component of this kind has the option `{'`, `'.join(kind.required_options)}`."
        for component in registry.of_kind(kind.name):
            yield from _component(component)


def _component(component: Component) -> Iterator[str]:
    summary, _, rest = component.documentation.partition("\n")
    yield f"### {component.kind} {component.name}"
    yield summary
    if rest.strip():
        yield fenced(rest.strip())
    options = option_facts(component)
    if options:
        rows = [
            (code(o["name"]), o["type"], code(shown_default(o["default"])), prose(o["description"])) for o in options
        ]
        yield table(("option", "type and range", "default", "meaning"), rows)
    else:
        yield "No options."


def lints_page() -> Iterator[str]:
    """Yield every lint with its reason and its source."""
    start_tensorflow()
    from dcgan_kit.networks.lint import LINTS

    yield table(("lint", "why, and who says so"), [(code(rule.name), rule.why) for rule in LINTS.values()])


def health_page() -> Iterator[str]:
    """Yield the seeded faults with what named them, and the false alarms of healthy recipes."""
    faults = yaml.safe_load((SEEDED_FAULTS / "faults.yaml").read_text(encoding="utf-8"))
    results = json.loads((SEEDED_FAULTS / "results.json").read_text(encoding="utf-8"))
    rows, count = [], 0
    for name, fault in faults["faults"].items():
        signs = [sign for sign in results["faults"][name] if sign in fault["diagnoses"]]
        count += bool(signs)
        steps = fault.get("steps")
        seen = "not run" if steps is None else f"{steps} steps" if steps else "step 0"
        rows.append((name.replace("_", " "), fault["what"], seen, ", ".join(map(_sign, signs)) or "not seen"))
    alarms = {name: signs for name, signs in results["healthy"].items() if signs}
    runs = f"{len(alarms)} of {len(results['healthy'])} healthy runs had a false alarm"
    yield f"{count} of {len(rows)} faults were named; {runs}."
    yield table(("fault", "what was done", "trained", "what named it"), rows)
    yield "Lints are in `code`, findings are not. The healthy runs:"
    steps = {name: run["steps"] for name, run in faults["healthy"].items()}
    alarmed = [(name, steps[name], ", ".join(signs) or "none") for name, signs in results["healthy"].items()]
    yield table(("recipe", "steps", "false alarms"), alarmed)
    versions = ", ".join(f"{name} {results[key]}" for name, key in VERSIONS_OF_RESULTS.items())
    yield f"Found on {results['date']} with {versions}."


VERSIONS_OF_RESULTS = {"Python": "python", "TensorFlow": "tensorflow", "Keras": "keras", "NumPy": "numpy"}


def _sign(name: str) -> str:
    return code(name) if "_" in name else name


def commands_page() -> Iterator[str]:
    """Yield the help text of every command."""
    for path in _commands(cli, ()):
        yield f"## {' '.join(('dcgan-kit', *path))}"
        yield fenced(_run(*path, "--help"))


def _commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _commands(command.commands[name], (*path, name))


def published_page() -> Iterator[str]:
    """Yield facts about the published models, from ``show``, ``check`` and the resolved recipes."""
    recipes = {name: as_data(_built(name)[0]) for name in (*PUBLISHED, *FOLLOWERS)}

    def facts(columns: Sequence[str], row: Callable[[str], Sequence[Any]]) -> str:
        return table(("recipe", *columns), [(code(name), *row(name)) for name in PUBLISHED])

    yield "## Sizes"
    yield _sizes(PUBLISHED, recipes)
    yield "Macs: multiply-accumulates for one image."
    yield "## Layers"
    yield "Kernel and stride of each block from input to output; `×` counts equal neighbours."
    yield facts(("generator", "discriminator"), lambda name: [_kernels(recipes[name][role]) for role in _ROLES])
    yield facts(
        ("G normalization", "D normalization", "G activations", "D activation"),
        lambda name: [f(recipes[name][role]) for f in (_normalization, _activations) for role in _ROLES],
    )
    yield "## Training"
    columns = ("loss", "penalty, L2", "Adam: rate, beta_1, epsilon", "batch", "updates", "D : G", "steps")
    yield facts(columns, lambda n: _training(recipes[n]))
    yield "## What `check` says"
    yield facts(("lints, and how often", f"keys that differ from {PUBLISHED[0]}"), _verdict)
    yield "## Models that followed"
    yield _sizes(FOLLOWERS, recipes)
    yield (
        "The blocks of each network. `+` is a shortcut, whose layers follow; a number after a convolution is the side "
        "of its kernel, a number before a block says how often it comes."
    )
    blocks = [(code(name), *(_flow(recipes[name][role]) for role in _ROLES)) for name in FOLLOWERS]
    yield table(("recipe", "generator", "discriminator"), blocks)
    columns = ("loss", "restraint of D", "optimizer", "schedule", "batch", "D : G", "steps", "lints, and how often")
    rows = [(code(name), *_course(recipes[name]), _lints(name)) for name in FOLLOWERS]
    yield table(("recipe", *columns), rows)
    yield "## More models, as recipes for tests"
    yield (
        "A checkout holds these recipes in `tests/twins/recipes`. Tests compare their numbers of trainable parameters "
        "with those of the sources, which their headers name."
    )
    columns = ("recipe", "model", "G trainable", "D trainable", "what the source does and the recipe cannot say")
    yield table(columns, [_model_of_tests(file) for file in sorted(MODELS_OF_TESTS.glob("*.yaml"))])


def _model_of_tests(file: Path) -> tuple[str, ...]:
    header = file.read_text(encoding="utf-8").partition("version:")[0]
    unsaid = re.findall(r"^# - (.*(?:\n#   .*)*)", header, flags=re.MULTILINE)
    _, networks = _built(str(file))
    sizes = (summarize(network).trainable_parameters for network in (networks.generator, networks.discriminator))
    return (
        code(file.stem),
        description_of(file),
        *(f"{size:,}" for size in sizes),
        " ".join(re.sub(r"\s*\n#\s*", " ", item) for item in unsaid),
    )


_ROLES = ("generator", "discriminator")


def _sizes(names: Sequence[str], recipes: dict[str, dict[str, Any]]) -> str:
    columns = ("recipe", "image", "range", "latent", "G trainable", "D trainable", "G macs", "D macs")
    return table(columns, [_size(name, recipes[name]) for name in names])


def _size(name: str, recipe: dict[str, Any]) -> tuple[str, ...]:
    _, networks = _built(name)
    sizes = [summarize(network) for network in (networks.generator, networks.discriminator)]
    return (
        code(name),
        "x".join(map(str, (*recipe["image"]["size"], recipe["image"]["channels"]))),
        "[{:g}, {:g}]".format(*recipe["image"]["range"]),
        f"{recipe['latent']['size']} {_bare(recipe['latent'])}",
        *(f"{size.trainable_parameters:,}" for size in sizes),
        *(f"{size.macs:,}" for size in sizes),
    )


@cache
def _built(name: str) -> tuple[ResolvedRecipe, Networks]:
    recipe = load_recipe(name, settings=PluginSettings(builtins_only=True)).recipe
    return recipe, build_networks(recipe, symbolic=True)


def _flow(network: dict[str, Any]) -> str:
    """Return the layers of each block, block after block."""
    texts = [(_flow_of(block), block.get("repeat", 1)) for _, block in _blocks(network)]
    runs = [(text, sum(count for _, count in group)) for text, group in groupby(texts, key=lambda found: found[0])]
    return "; ".join(text if count == 1 else f"{count} × ({text})" for text, count in runs)


def _flow_of(block: dict[str, Any]) -> str:
    shortcut = block.get("shortcut")
    text = _items(block["order"], block)
    return text if not shortcut else f"{text} + {_items(shortcut.get('order', ()), block)}".rstrip()


def _items(order: Sequence[Any], block: dict[str, Any]) -> str:
    choices = [block.get(item) if isinstance(item, str) else next(iter(item.values())) for item in order]
    return ", ".join(_layer(choice) for choice in choices if choice and _bare(choice) not in ("none", "linear"))


def _layer(choice: dict[str, Any]) -> str:
    groups = f" in {choice['groups']} groups" if choice.get("groups", 1) > 1 else ""
    kernel = choice.get("kernel_size")
    sides = "" if kernel is None else f" {kernel}"
    size = f" to {'x'.join(map(str, _pair(choice['size'])))}" if "size" in choice else ""
    return f"{_bare(choice).replace('_', ' ')}{sides}{size}{groups}"


def _course(recipe: dict[str, Any]) -> list[Any]:
    """Return how a network that followed is trained."""
    training = recipe["training"]
    own, constraint = training["discriminator"], recipe["discriminator"]["stages"][0].get("constraint")
    other = training["generator"]["optimizer"]
    rate = own["optimizer"]["learning_rate"]
    assert own["optimizer"] == {**other, "learning_rate": rate}, "the table has one column for both optimizers"
    clip = f"weights within ±{own['weight_clip']:g}" if own["weight_clip"] else ""
    optimizer = ", ".join(
        f"{own['optimizer'][option]:g}"
        for option in ("learning_rate", "beta_1", "beta_2", "rho")
        if option in own["optimizer"]
    )
    optimizer += f"; G {other['learning_rate']:g}" if other["learning_rate"] != rate else ""
    schedule = own["schedule"]
    return [
        _bare(training["loss"]),
        ", ".join(filter(None, (_bare(constraint) if constraint else "", _penalty(training["penalty"]), clip))),
        f"{_bare(own['optimizer'])} {optimizer}",
        f"{_bare(schedule)} to {schedule['to']:g}" if schedule else "",
        training["batch_size"],
        f"{own['updates']} : {training['generator']['updates']}",
        f"{training['steps']:,}",
    ]


def _penalty(choice: dict[str, Any] | None) -> str:
    if not choice:
        return ""
    parts = [choice[side] for side in ("first", "second") if side in choice] or [choice]
    return ", ".join(f"{_bare(part)} {part['weight']:g}" for part in parts)


def _lints(name: str) -> str:
    counts = Counter(advice.lint for advice in lint(*_built(name)))
    return ", ".join(f"`{lint}` {count}" for lint, count in sorted(counts.items())) or "nothing"


def _verdict(name: str) -> tuple[str, str]:
    differences = json.loads(_run("--no-plugins", "show", name, "--diff", PUBLISHED[0], "--json"))
    return _lints(name), str(len(differences))


def _blocks(network: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    stages = [(f"stage{number}", block) for number, block in enumerate(network["stages"], start=1)]
    first = [("input", network["input"])] if "input" in network else []
    return [*first, *stages, ("output", network["output"])]


def _kernels(network: dict[str, Any]) -> str:
    slots = ("projection", "upsample", "downsample", "head")
    parts = [_kernel(block[slot]) for _, block in _blocks(network) for slot in slots if slot in block]
    runs = [(part, len(list(group))) for part, group in groupby(parts)]
    return ", ".join(part if count == 1 else f"{part} ×{count}" for part, count in runs)


def _kernel(choice: dict[str, Any]) -> str:
    name = _bare(choice).replace("_", " ")
    if "size" in choice:
        return f"{name} to {'x'.join(map(str, _pair(choice['size'])))}"
    if "kernel_size" not in choice:
        return f"{name}, dropout {choice['dropout']:g}" if choice.get("dropout") else name
    kernel = "whole map" if choice["kernel_size"] is None else choice["kernel_size"]
    padding = " valid" if choice.get("padding") == "valid" else ""
    return f"{name} {kernel}/{choice.get('stride', 1)}{padding}"


def _normalization(network: dict[str, Any]) -> str:
    hidden = [(name, block) for name, block in _blocks(network) if name != "output"]
    normalized = {name: block for name, block in hidden if _uses(block, "normalization")}
    if not normalized:
        return "none"
    first = next(iter(normalized.values()))["normalization"]
    without = [name for name, _ in hidden if name not in normalized]
    text = f"{_bare(first)}, epsilon {first['epsilon']:g}"
    if first["scale_initializer"]:
        text += ", scale N({mean:g}, {stddev:g}²)".format(**first["scale_initializer"])
    if without:
        text += f"; not {', '.join(without)}"
    order = normalized.get("input", {}).get("order", [])
    flat = "normalization" in order and order.index("normalization") < order.index("reshape")
    return f"{text}; input flat" if flat else text


def _activations(network: dict[str, Any]) -> str:
    hidden = [_activation(b) for name, b in _blocks(network) if name != "output" and _uses(b, "activation")]
    output = [_activation(network["output"])] if "activation" in network["output"] else []
    return ", then ".join([*dict.fromkeys(hidden), *output])


def _activation(block: dict[str, Any]) -> str:
    choice = block["activation"]
    stretched = choice.get("low", -1.0), choice.get("high", 1.0)
    if stretched != (-1.0, 1.0):
        return "{} to ({:g}, {:g})".format(_bare(choice), *stretched)
    return " ".join([_bare(choice), *(f"{choice[o]:g}" for o in ("negative_slope",) if o in choice)])


def _training(recipe: dict[str, Any]) -> list[Any]:
    training = recipe["training"]
    adam = [training[role]["optimizer"] for role in _ROLES]
    assert adam[0] == adam[1], "the table has one column for both optimizers"
    rates = ", ".join(f"{adam[0][option]:g}" for option in ("learning_rate", "beta_1", "epsilon"))
    noise = training["loss"].get("label_noise")
    loss = _bare(training["loss"]) + (f", label noise {noise:g}" if noise else "")
    penalty = f"{_bare(training['penalty'])} {training['penalty']['weight']:g}" if training["penalty"] else ""
    decay = f"L2 {training['generator']['l2']:g}" if training["generator"]["l2"] else ""
    passes = ", one pass" if training["discriminator_passes"] == "concatenated" else ""
    turns = f"{training['discriminator']['updates']} : {training['generator']['updates']}"
    restrained = ", ".join(filter(None, (penalty, decay)))
    steps = f"{training['steps']:,}"
    return [loss, restrained, rates, training["batch_size"], training["updates"] + passes, turns, steps]


def _uses(block: dict[str, Any], slot: str) -> bool:
    return slot in block["order"] and slot in block and _bare(block[slot]) != "none"


def _bare(choice: dict[str, Any]) -> str:
    return str(choice["use"]).rpartition("/")[2]


def _pair(side: Any) -> tuple[Any, Any]:
    return (side, side) if isinstance(side, int) else tuple(side)


def _run(*arguments: str) -> str:
    """Run a command and return its standard output.

    Raises:
        SystemExit: the command failed.
    """
    result = CliRunner().invoke(cli, arguments, prog_name="dcgan-kit", terminal_width=100)
    if result.exit_code:
        raise SystemExit(f"dcgan-kit {' '.join(arguments)}: status {result.exit_code}\n{result.output}")
    return result.stdout


def decisions_page() -> Iterator[str]:
    """Yield every decision record with its date and status."""
    rows = [_decision(path) for path in sorted((DOCS / "decisions").glob("[0-9]*.md"))]
    yield table(("decision", "date", "status"), rows)


def _decision(path: Path) -> tuple[str, ...]:
    title, *lines = path.read_text(encoding="utf-8").splitlines()
    facts = [found[1] for line in lines if (found := re.match(r"\* (?:Date|Status): (.+)", line))]
    return f"[{title.removeprefix('# ')}]({path.name})", *facts


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def fenced(text: str) -> str:
    """Return a fenced block, in which Markdown does not change the text."""
    return f"```text\n{text.rstrip()}\n```"


def code(value: Any) -> str:
    """Return a name or value as Markdown code."""
    if isinstance(value, list | tuple):
        value = f"[{', '.join(map(str, value))}]"
    return f"`{value}`" if value != "" else "empty"


def prose(text: str) -> str:
    """Return the text of a docstring with single backticks, as Markdown needs them."""
    return text.replace("``", "`")


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "recipes.md": recipes_page,
    "components.md": components_page,
    "lints.md": lints_page,
    "health.md": health_page,
    "commands.md": commands_page,
    "published.md": published_page,
    "decisions/README.md": decisions_page,
}


def main() -> int:
    """Write or check every page; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if a page is stale")
    check = parser.parse_args().check
    stale = []
    for name, page in PAGES.items():
        path = DOCS / name
        before = path.read_text(encoding="utf-8")
        if before.count(MARKER) != 1:
            raise SystemExit(f"{path}: must hold the marker line once: {MARKER}")
        after = f"{before.partition(MARKER)[0]}{MARKER}\n\n" + "\n\n".join(page()) + "\n"
        if after != before:
            stale.append(name)
            if not check:
                path.write_text(after, encoding="utf-8")
    shipped = RECIPES / SCHEMA_FILE
    generated = schema_text(load_builtins().registry)
    if not shipped.exists() or shipped.read_text(encoding="utf-8") != generated:
        stale.append(f"../recipes/{SCHEMA_FILE}")
        if not check:
            shipped.write_text(generated, encoding="utf-8")
    verdicts, text = DOCS / "claims.md", claims_text(DOCS / "claims", DOCS)
    if not verdicts.exists() or verdicts.read_text(encoding="utf-8") != text:
        stale.append(verdicts.name)
        if not check:
            verdicts.write_text(text, encoding="utf-8")
    if stale:
        message = "stale; run scripts/generate_docs.py" if check else "written"
        print("\n".join(f"docs/{name}: {message}" for name in stale), file=sys.stderr)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
