"""The report of a running experiment: computed from the log, shown as text, tables and a page."""
