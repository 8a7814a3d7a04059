"""One directory with all that serving needs."""
