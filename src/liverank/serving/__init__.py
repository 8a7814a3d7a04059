"""The rank server."""
