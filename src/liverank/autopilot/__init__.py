"""From the log to a model in service, automatically: gather, train, compare, promote."""
