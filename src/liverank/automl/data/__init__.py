"""Tables and matrices: reading, slicing and splitting them."""
