"""Compare rankers within one list: who placed which item, and whose items people choose."""
