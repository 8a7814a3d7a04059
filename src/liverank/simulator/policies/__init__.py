"""Policies that rank the live rooms in a simulated product."""
