"""Tests of the data: CSV in, arrays out, and predictions back to CSV."""
