"""From the log to a model in service, by itself: gather, train, judge."""
