"""The rules are rows of the reference (`schemas.rules`): here they are compiled and asked; no rule is written in code."""
