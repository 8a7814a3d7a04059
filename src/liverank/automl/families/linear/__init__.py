"""Linear models as a model family."""
