"""Images in memory, in an order that depends on the seed and the step alone."""
