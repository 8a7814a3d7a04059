"""A server in simulated time: its clock is moved by what it is sent, and nothing else moves."""
