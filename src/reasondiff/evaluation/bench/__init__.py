"""Benchmarks as folders: cases that are built once from a source, and are the same for everybody from then on."""
