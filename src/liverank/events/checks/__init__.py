"""What is odd about events, for `liverank validate`."""
