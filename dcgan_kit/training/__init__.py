"""The loop around the adversarial step, and what it calls at intervals."""
