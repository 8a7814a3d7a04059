"""The weekly letter: what people got out of the product, what changed, and what to look at."""
