"""The ordered, durable, deduplicated sequence of events."""
