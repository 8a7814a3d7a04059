"""Releases a challenger by steps (shadow, canary, whole, probation), and goes back by itself."""
