"""Compare rankers within one list: which ranker added each item, and whose items users choose."""
