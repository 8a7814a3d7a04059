"""Simulates a world of people and live rooms, and yields its events."""
