"""The base model and the paper's two stages."""
