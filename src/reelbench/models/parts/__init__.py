"""Layers, training and description of Keras networks."""
