"""Scores of generated images beside their floors, and everything that a score depends on."""
