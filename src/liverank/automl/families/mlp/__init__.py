"""Multilayer perceptrons as a model family, trained with JAX."""
