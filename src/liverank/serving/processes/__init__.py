"""The processes of a server: a supervisor, a folding process, and workers that rank."""
