# SPDX-License-Identifier: MIT
"""The C of one map: its declaration, and the small functions through which programs reach it."""

from __future__ import annotations

import errno

from kptrace.compiler import prelude
from kptrace.compiler.dialect import Dialect
from kptrace.compiler.writer import Shared
from kptrace.plan import CounterKind, Map, MapKind

_KINDS = {
    MapKind.HASH: "hash",
    MapKind.LRU_HASH: "lru_hash",
    MapKind.PERCPU_HASH: "percpu_hash",
    MapKind.PERCPU_LRU_HASH: "lru_percpu_hash",
    MapKind.PERCPU_ARRAY: "percpu_array",
}
PERCPU_HASHES = (MapKind.PERCPU_HASH, MapKind.PERCPU_LRU_HASH)


def map_functions(one: Map, shared: Shared, dialect: Dialect) -> str:
    """Declaration of a map of the specification, and the functions that reach it."""
    value = shared.values.spelling(one.value)
    scalar = one.key is None
    key = "__u32" if one.key is None else shared.values.spelling(one.key)
    parameter = "void" if scalar else f"{key} *key"
    after = "" if scalar else f", {key} *key"
    zero = "\t__u32 zero = 0;\n\n" if scalar else ""
    at = "&zero" if scalar else "key"
    symbol = one.symbol
    if one.kind is MapKind.TASK_STORAGE:
        return _task_storage(one, value, shared, dialect)
    kind = _KINDS[one.kind]
    parts = [
        f"/* {one.name} */\n"
        + dialect.map(kind, symbol, key, value, one.max_entries, not one.prealloc)
    ]
    if f"address {symbol}" in shared.needs:
        parts.append(
            f"static __always_inline __u64 {symbol}_address(void)\n{{\n"
            f"\treturn (__u64){dialect.address(symbol)};\n}}\n"
        )
    lookup = dialect.lookup(symbol, at)
    dropped = _dropped(one, shared)
    if f"read {symbol}" in shared.needs:
        slot = dialect.percpu_lookup(symbol, at, "cpu")
        parts.append(
            prelude.read_aggregate(symbol, one.value, value, parameter, zero, slot, shared.cpus)
        )
    if f"each {symbol}" in shared.needs:
        parts.append(prelude.each(symbol, dialect.each(symbol, "callback", "frame")))
    if one.kind is MapKind.PERCPU_ARRAY:
        parts.append(
            f"static __always_inline {value} *{symbol}_slot(void *ctx)\n{{\n{zero}"
            f"\treturn {lookup};\n}}\n"
        )
        return "\n".join(parts)
    if one.kind in PERCPU_HASHES:
        insert = dialect.update(symbol, at, f"({value} *)zero_value", True)
        later = ", _Bool *later" if one.spills else ""
        refused = f"\tif (!slot)\n\t\t{symbol}_full(ctx, warning, result);\n"
        if one.spills:
            refused = (
                f"\tif (!slot && result == {prelude.ENOMEM})\n\t\t*later = 1;\n"
                f"\telse if (!slot)\n\t\t{symbol}_full(ctx, warning, result);\n"
            )
        parts += [
            dropped,
            f"static __always_inline {value} *{symbol}_slot(void *ctx{after}, __u32 warning{later})"
            f"\n{{\n{zero.removesuffix(chr(10))}\t__u32 index = 0;\n"
            f"\t{value} *slot = {lookup};\n\tstruct zeros *zero_value;\n"
            f"\tint result;\n\n\tif (slot)\n\t\treturn slot;\n"
            f"\tzero_value = zeros_at(&index);\n\tif (!zero_value)\n\t\treturn (void *)0;\n"
            f"\tresult = {insert};\n\tslot = {lookup};\n{refused}"
            f"\treturn slot;\n}}\n",
        ]
        if f"lookup {symbol}" in shared.needs:
            parts.append(
                f"static __always_inline {value} *{symbol}_lookup({parameter})\n{{\n{zero}"
                f"\treturn {lookup};\n}}\n"
            )
    else:
        update = dialect.update(symbol, at, "value", False)
        index = "\t__u32 zero = 0;\n" if scalar else ""
        parts += [
            dropped,
            f"static __always_inline {value} *{symbol}_lookup({parameter})\n{{\n{zero}"
            f"\treturn {lookup};\n}}\n",
            f"static __always_inline void {symbol}_update(void *ctx{after}, {value} *value,"
            f" __u32 warning)\n{{\n{index}\tint result = {update};\n\n"
            f"\tif (result)\n\t\t{symbol}_full(ctx, warning, result);\n}}\n",
        ]
    parts.append(
        f"static __always_inline long {symbol}_delete({parameter})\n{{\n{zero}"
        f"\treturn {dialect.delete(symbol, at)};\n}}\n"
    )
    return "\n".join(parts)


def _dropped(one: Map, shared: Shared) -> str:
    """Counts refused updates, and warns of the first one."""
    full = shared.storage.counter(CounterKind.MAP_FULL, one.name)
    return (
        f"static __always_inline void {one.symbol}_full(void *ctx, __u32 warning, int result)\n{{\n"
        f"\tif (ledger_add({full}) == 1)\n\t\twarn_failed(ctx, warning, result);\n}}\n"
    )


def _task_storage(one: Map, value: str, shared: Shared, dialect: Dialect) -> str:
    """A value of the current thread. ``there`` tells it from none: to free it here would be slow,
    and the kernel does so when the thread ends. To delete takes what a lookup found."""
    symbol = one.symbol
    entry = f"struct {symbol}_entry"
    head = f"/* {one.name} */\n{entry} {{\n\t{value} value;\n\t__u64 there;\n}};\n" + dialect.map(
        "task_storage", symbol, "__u32", entry, one.max_entries, not one.prealloc
    )
    find = f"\t{entry} *entry = {dialect.task_storage(symbol, create=False)};\n\n"
    make = f"\t{entry} *entry = {dialect.task_storage(symbol, create=True)};\n\n"
    function = "static __always_inline"
    return "\n".join(
        [
            head,
            _dropped(one, shared),
            f"{function} {value} *{symbol}_lookup(void)\n{{\n{find}"
            f"\treturn entry && entry->there ? &entry->value : (void *)0;\n}}\n",
            f"{function} void {symbol}_update(void *ctx, {value} *value, __u32 warning)\n{{\n{make}"
            f"\tif (!entry) {{\n\t\t{symbol}_full(ctx, warning, {prelude.ENOMEM});\n"
            f"\t\treturn;\n\t}}\n"
            f"\tentry->value = *value;\n\tentry->there = 1;\n}}\n",
            f"{function} long {symbol}_delete({value} *value)\n{{\n"
            f"\tif (!value)\n\t\treturn {-errno.ENOENT};\n"
            f"\t(({entry} *)value)->there = 0;\n\treturn 0;\n}}\n",
        ]
    )
