"""The report of a running experiment: computed from the log, told in words, tables and a page."""
