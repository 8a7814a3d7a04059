"""Files of the log: segments, the SQLite tail, indexes of event ids."""
