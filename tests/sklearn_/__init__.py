"""Tests of nnfit.sklearn; the folder is not called sklearn, which would stand before scikit-learn itself."""
