"""Formats on disk: what a Chinese corpus looks like, and how documents come out of it."""
