"""Which model is deployed, and training it again on all rows."""
