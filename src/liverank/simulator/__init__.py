"""A world of people and live rooms that makes events."""
