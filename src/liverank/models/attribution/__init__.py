"""Which input moved one prediction, and by how much."""
