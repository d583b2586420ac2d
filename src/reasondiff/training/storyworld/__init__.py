"""What is trained on drawn clips only."""
