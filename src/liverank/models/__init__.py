"""Models as plain arrays, and the kernels that score them."""
