"""The report of an experiment as one HTML page that needs no network."""
