"""The recipe language: YAML text with places, extends, overrides, validation, resolution, writing back."""
