"""Accounts: who may log in by name and password, their sessions, and guessing made slow."""
