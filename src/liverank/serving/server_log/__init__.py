"""What a server writes to its own log: named events of all its processes, one a line."""
