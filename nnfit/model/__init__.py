"""A trained model: what predicts, what stands in its file, and predictions as a stream."""
