"""What happens in a world: visits, choices, company, moods."""
