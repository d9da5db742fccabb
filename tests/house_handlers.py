"""Finds handlers that catch everything."""

from __future__ import annotations

import ast


def broad_handlers(code: str | ast.AST) -> list[int]:
    """Lines of `except:`, `except Exception` and `except BaseException`, alone or among others."""
    tree = ast.parse(code) if isinstance(code, str) else code
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and _is_broad(node.type)]


def _is_broad(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    named = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(one, ast.Name) and one.id in ("Exception", "BaseException") for one in named)
