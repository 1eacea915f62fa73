"""Tests of the core: NumPy arrays in, NumPy arrays out."""
