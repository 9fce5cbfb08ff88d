"""The types that cross between the engine and plugins."""
