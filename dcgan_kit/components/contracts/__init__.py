"""The types that the engine and plugins exchange."""
