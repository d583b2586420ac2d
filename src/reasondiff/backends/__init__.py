"""Video models that ReasonDiff can guide, one folder each."""
