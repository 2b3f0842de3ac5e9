# SPDX-License-Identifier: MIT
"""A tree with parts of it replaced."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from kptrace.lang import nodes as n

Change = Callable[[Any, Callable[[Any], Any]], Any]
"""(node, again) -> what stands in its place; ``again(node)`` is it with its parts changed."""


def rewrite(node: Any, change: Change) -> Any:
    """A tree, or a tuple of trees, as ``change`` makes it from the root downwards."""

    def again(one: Any) -> Any:
        if isinstance(one, tuple):
            elements = tuple(visit(part) for part in one)
            same = all(a is b for a, b in zip(elements, one, strict=True))
            return one if same else elements
        if not isinstance(one, n.Node):
            return one
        parts = {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
        made = {name: visit(part) for name, part in parts.items()}
        fresh = {name: part for name, part in made.items() if part is not parts[name]}
        return dataclasses.replace(one, **fresh) if fresh else one

    def visit(one: Any) -> Any:
        return change(one, again)

    return visit(node)
