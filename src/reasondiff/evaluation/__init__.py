"""Evaluation: what a video shows, counted over many cases, with intervals, in tables and sheets."""
