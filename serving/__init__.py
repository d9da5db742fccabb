"""Answers: what units, analysts and the command room may ask, and the live streams and pages that show it."""
