"""Trained generators as models for other programs: Keras, SavedModel, ONNX, LiteRT."""
