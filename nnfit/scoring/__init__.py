"""How good predictions are, and what is fitted to predictions: metrics, intervals, threshold, calibration."""
