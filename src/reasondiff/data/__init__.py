"""What a training clip is, and where clips come from."""
