"""Experiments: who sees what, what each variant did, and what the difference is worth."""
