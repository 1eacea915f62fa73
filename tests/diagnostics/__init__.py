"""Tests of nnfit.diagnostics."""
