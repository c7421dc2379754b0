"""Tests of the platform clients, against a small scripted HTTP server."""
