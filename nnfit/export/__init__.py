"""A trained model in forms that others run: what stands in a file here predicts without nnfit."""
