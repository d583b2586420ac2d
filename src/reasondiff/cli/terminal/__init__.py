"""What the terminal shows: progress bars, warnings, checks of paths."""
