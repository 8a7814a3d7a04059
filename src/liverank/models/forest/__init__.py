"""Tree ensembles in service: one neutral form, scored by one of three kernels."""
