"""Checks for odd events, for `liverank validate`."""
