"""The adversarial step and its pieces; ``step.py`` shows the whole step on one screen."""
