"""Simulates the events of a world: visits, choices, friends, moods."""
