"""From the log to what each exposed unit did: one reading for all metrics of an experiment."""
