"""Where events come from: files of several formats."""
