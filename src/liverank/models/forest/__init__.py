"""Tree ensembles: one form for all libraries, and the kernels that score it."""
