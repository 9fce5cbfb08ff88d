"""Packages for authors of plugins: for each kind of component a small example that works, with its tests."""
