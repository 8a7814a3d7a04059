"""The report of a training run, as JSON and as an HTML page."""
