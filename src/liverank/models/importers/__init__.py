"""Models of other libraries, read from the text or JSON in which they save themselves."""
