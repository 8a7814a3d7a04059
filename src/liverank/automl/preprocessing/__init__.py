"""Encoders and feature selection that are fitted on training rows."""
