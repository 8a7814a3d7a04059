"""How a table changes with time: what models of the past did on the rows that followed."""
