"""Tests of nnfit.model."""
