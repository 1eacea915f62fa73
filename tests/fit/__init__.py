"""Tests of nnfit.fit."""
