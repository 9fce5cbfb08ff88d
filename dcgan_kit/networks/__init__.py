"""The two networks of a resolved recipe: building them, their shapes, parameters and operations, and static advice."""
