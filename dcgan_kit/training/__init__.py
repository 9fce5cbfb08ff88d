"""The training loop: it runs the adversarial step, and calls everything that is due between steps."""
