"""Kernels of plain memory: offsets, pointers, hash indexes, bitsets."""
