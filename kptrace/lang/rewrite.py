# SPDX-License-Identifier: MIT
"""A tree with parts of it replaced."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from kptrace.lang import nodes as n

Change = Callable[[Any, Callable[[Any], Any]], Any]
"""(node, again) -> what stands in its place; ``again(node)`` is it with its parts changed."""


def with_parts(node: Any, visit: Callable[[Any], Any]) -> Any:
    """A node, or a tuple of nodes, with each part as ``visit`` makes it; itself if none changed."""
    if isinstance(node, tuple):
        elements = [visit(part) for part in node]  # a generator would nest on the C stack
        same = all(new is old for new, old in zip(elements, node, strict=True))
        return node if same else tuple(elements)
    if not isinstance(node, n.Node):
        return node
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(node):
        old = getattr(node, field.name)
        new = visit(old)
        if new is not old:
            changed[field.name] = new
    return dataclasses.replace(node, **changed) if changed else node


def rewrite(node: Any, change: Change) -> Any:
    """A tree, or a tuple of trees, as ``change`` makes it from the root downwards."""

    def visit(one: Any) -> Any:
        return change(one, lambda again: with_parts(again, visit))

    return visit(node)
