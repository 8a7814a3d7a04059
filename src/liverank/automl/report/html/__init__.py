"""The report of a search on a table as one HTML page that opens without a network."""
