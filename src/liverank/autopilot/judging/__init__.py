"""Judges a challenger against the champion on lists that neither was trained on."""
