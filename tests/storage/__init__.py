"""Tests of nnfit.storage."""
