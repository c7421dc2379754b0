"""Erasing people: what goes, what stays as counts, and how the erased stay away."""
