"""A look at a network that changes nothing: the health of its units, the proof of its gradients."""
