"""When a product without history will have enough of it for a first model."""
