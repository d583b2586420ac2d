"""What is measured on a video."""
