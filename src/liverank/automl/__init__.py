"""Finding a good model by itself, within a time budget."""
