"""liverank ranks what is live right now for each person, hands-off."""
