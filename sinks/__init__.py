"""Stores and hands on: topics into ClickHouse, exactly once in effect, and the reconciliation that proves it."""
