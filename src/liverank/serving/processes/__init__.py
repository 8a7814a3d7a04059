"""The processes of a server: a supervisor, one that folds the log, and workers that rank."""
