"""A server in simulated time, whose clock and state change only by requests."""
