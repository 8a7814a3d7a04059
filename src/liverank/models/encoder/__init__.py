"""From columns of a table to the numbers that models read."""
