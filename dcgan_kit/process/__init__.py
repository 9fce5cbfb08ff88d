"""The process itself: signals that ask it to stop, and how it starts TensorFlow."""
