"""A project's paths, and the times and events that commands read."""
