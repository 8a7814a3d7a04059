"""What a table is: types of its columns, the task, suspected leakage."""
