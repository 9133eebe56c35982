"""Explorers: a pure picking function and a widget that binds it."""
