"""Decide recorded decisions again, through the core."""
