# SPDX-License-Identifier: MIT
"""Types as a specification spells them (language §2, §3.1)."""

from __future__ import annotations

from kptrace import types
from kptrace.compiler.probe_values import ProbeValues
from kptrace.lang import nodes as n
from kptrace.types import BOOL, Int, Type, type_name


class TypeNames(ProbeValues):
    """The part of the checker that knows written types."""

    def written_type(self, node: n.TypeName | n.Typeof) -> Type:
        """The type that the specification spells."""
        if isinstance(node, n.Typeof):
            self.not_yet(node.span, "'typeof'")
            return types.ERROR
        kind = self.named_type(node)
        for suffix in node.suffixes:
            if isinstance(kind, types.Error):
                return kind
            if suffix == "*":
                kind = types.Pointer(kind)
            else:
                self.not_yet(node.span, "array types")
                return types.ERROR
        return kind

    def named_type(self, node: n.TypeName) -> Type:
        if not node.keyword and node.name in LANGUAGE_TYPES:
            return LANGUAGE_TYPES[node.name]
        if node.name in ("string", "buffer", "inet", "record") and not node.keyword:
            self.not_yet(node.span, f"the type '{node.name}'")
            return types.ERROR
        btf = self.facts.kernel.btf
        if btf is None:
            if node.suffixes and node.keyword:
                return types.Struct(node.keyword, node.name, -1)
            self.no_btf(node.span, f"the type '{node.name}'")
            return types.ERROR
        found = btf.type_named(node.keyword, node.name)
        if found is None:
            spelled = f"{node.keyword} {node.name}".strip()
            message = f'Cannot resolve unknown type "{spelled}"'
            if node.keyword == "enum":
                message = f"Unknown enum: {node.name}"
            self.report.error(node.span, message, code="unknown-name")
            return types.ERROR
        return found


LANGUAGE_TYPES: dict[str, Type] = {
    "bool": BOOL,
    "void": types.VOID,
    "username_t": types.USERNAME,
    **{
        type_name(kind): kind
        for size in (1, 2, 4, 8)
        for kind in (Int(size, True), Int(size, False))
    },
}
