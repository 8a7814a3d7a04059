"""The run loop of autopilot: watch, release step by step, train when it is due, write letters."""
