"""Worked examples of components, as texts, numbers and pictures. They are computed by the layers that training uses."""
