"""One module or package a command, each with ``HELP``, ``configure`` and ``run``."""
