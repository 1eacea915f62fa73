"""Tests against PyTorch and scikit-learn, which are imported only where such a test runs."""
