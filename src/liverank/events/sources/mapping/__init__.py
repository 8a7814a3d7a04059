"""Mapping columns and fields of other systems to events."""
