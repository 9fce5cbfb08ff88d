"""Find, read and check images, and choose the images of each step from the seed and the step alone."""
