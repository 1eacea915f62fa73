"""What a trained model does with its columns: which of them matter, how, and why a row got its prediction."""
