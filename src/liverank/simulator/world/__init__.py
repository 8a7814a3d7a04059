"""Draws the parts of a world in advance: people, follow graph, hosts, and all rooms."""
