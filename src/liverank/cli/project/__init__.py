"""Where a project's files are, and how commands read times and events."""
