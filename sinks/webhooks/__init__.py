"""Telling units by webhook what lies on their lists: counts and a link, never names (Standard Webhooks)."""
