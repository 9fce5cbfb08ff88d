"""The recipe language: reading YAML with places, ``extends``, overrides, validation, resolution, and writing."""
