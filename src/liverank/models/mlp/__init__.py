"""Neural nets in service."""
