"""Tests of the platform sandbox over real HTTP."""
