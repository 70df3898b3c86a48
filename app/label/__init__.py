"""Labelling messages, one after another."""
