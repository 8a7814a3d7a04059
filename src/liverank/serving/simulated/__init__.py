"""A server in simulated time: only requests move its clock, and nothing happens in between."""
