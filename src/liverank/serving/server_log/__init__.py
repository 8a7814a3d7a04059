"""The server's own log: named events of all its processes, one per line."""
