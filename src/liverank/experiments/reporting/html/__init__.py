"""The report of an experiment as one HTML page that opens without a network."""
