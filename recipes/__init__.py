"""The shipped recipes: every YAML file of this folder, by its name; and the shipped claims, those of ``claims``."""

from pathlib import Path

from dcgan_kit import hookimpl

HERE = Path(__file__).parent


@hookimpl
def dcgan_kit_recipes() -> dict[str, Path]:
    """Return name → file."""
    return {path.stem: path for path in sorted(HERE.glob("*.yaml"))}


@hookimpl
def dcgan_kit_studies() -> dict[str, Path]:
    """Return name → file."""
    return {path.stem: path for path in sorted((HERE / "claims").glob("*.yaml"))}
