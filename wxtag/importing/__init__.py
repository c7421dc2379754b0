"""Reads everything that a platform can tell of an account at once, and keeps up with a corp's staff."""
