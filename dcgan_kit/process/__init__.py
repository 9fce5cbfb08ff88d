"""The process itself: signals to stop, exit statuses, and the start of TensorFlow."""
