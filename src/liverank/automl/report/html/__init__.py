"""The report of a search as one HTML page that opens without a network."""
