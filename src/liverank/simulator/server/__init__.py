"""A real rank server behind the tab of a simulated world, in simulated time."""
