"""Linear models in service."""
