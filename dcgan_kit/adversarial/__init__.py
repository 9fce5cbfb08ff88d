"""The adversarial step on one screen, and what it is made of."""
