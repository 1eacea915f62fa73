"""Tests of nnfit.scoring."""
