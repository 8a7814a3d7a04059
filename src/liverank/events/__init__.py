"""The six events, their log, and the sources they come from."""
