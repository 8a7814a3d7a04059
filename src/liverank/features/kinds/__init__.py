"""The kinds of feature, one file each."""
