"""Labelled addresses, generated and hand-written, and their judge."""
