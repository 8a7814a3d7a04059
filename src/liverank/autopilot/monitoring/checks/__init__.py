"""The checks of monitoring, one thing that can be wrong each."""
