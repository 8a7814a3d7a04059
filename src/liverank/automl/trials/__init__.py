"""The plan of a search, its trials and their results."""
