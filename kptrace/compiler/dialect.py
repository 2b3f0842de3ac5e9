# SPDX-License-Identifier: MIT
"""The two dialects of the generated C: how maps and programs are declared, nothing else.

``core`` is built by ``clang -target bpf -g`` and loaded by libbpf; kernel structs are relocated
there (CO-RE). ``bcc`` is compiled by BCC on the host itself; kernel structs lie at the offsets of
this kernel's BTF.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from kptrace.compiler.ctypes import KernelField, KernelStruct, KernelTypes
from kptrace.errors import HostError
from kptrace.plan import TRACER_KINDS, TRAMPOLINE_KINDS, ProbeKind

# Numbers of enum bpf_func_id, include/uapi/linux/bpf.h; they never change.
_HELPERS = {
    "bpf_map_lookup_elem": (1, "void *", "void *map, const void *key"),
    "bpf_map_update_elem": (
        2, "long", "void *map, const void *key, const void *value, __u64 flags",
    ),
    "bpf_map_delete_elem": (3, "long", "void *map, const void *key"),
    "bpf_ktime_get_ns": (5, "__u64", "void"),
    "bpf_trace_printk": (6, "long", "const char *format, __u32 size, ..."),
    "bpf_get_prandom_u32": (7, "__u32", "void"),
    "bpf_get_smp_processor_id": (8, "__u32", "void"),
    "bpf_get_current_pid_tgid": (14, "__u64", "void"),
    "bpf_get_current_uid_gid": (15, "__u64", "void"),
    "bpf_get_current_comm": (16, "long", "void *to, __u32 size"),
    "bpf_perf_event_output": (
        25, "long", "void *ctx, void *map, __u64 flags, void *data, __u64 size",
    ),
    "bpf_get_socket_cookie": (46, "__u64", "const void *socket"),
    "bpf_get_current_task": (35, "__u64", "void"),
    "bpf_probe_write_user": (36, "long", "void *to, const void *from, __u32 size"),
    "bpf_get_numa_node_id": (42, "long", "void"),
    "bpf_override_return": (58, "long", "void *ctx, __u64 result"),
    "bpf_send_signal": (109, "long", "__u32 signal"),
    "bpf_send_signal_thread": (117, "long", "__u32 signal"),
    "bpf_get_stack": (67, "long", "void *ctx, void *to, __u32 size, __u64 flags"),
    "bpf_get_current_cgroup_id": (80, "__u64", "void"),
    "bpf_probe_read_user": (112, "long", "void *to, __u32 size, const void *from"),
    "bpf_probe_read_kernel": (113, "long", "void *to, __u32 size, const void *from"),
    "bpf_probe_read_user_str": (114, "long", "void *to, __u32 size, const void *from"),
    "bpf_probe_read_kernel_str": (115, "long", "void *to, __u32 size, const void *from"),
    "bpf_task_storage_get": (156, "void *", "void *map, void *task, void *value, __u64 flags"),
    "bpf_get_current_task_btf": (158, "void *", "void"),
    "bpf_jiffies64": (118, "__u64", "void"),
    "bpf_get_ns_current_pid_tgid": (
        120, "long", "__u64 device, __u64 inode, void *to, __u32 size",
    ),
    "bpf_seq_printf": (
        126, "long", "void *file, const char *format, __u32 size, const void *data, __u32 length",
    ),
    "bpf_seq_write": (127, "long", "void *file, const void *data, __u32 size"),
    "bpf_ktime_get_boot_ns": (125, "__u64", "void"),
    "bpf_for_each_map_elem": (
        164, "long", "void *map, void *callback, void *frame, __u64 flags",
    ),
    "bpf_get_func_ip": (173, "__u64", "void *ctx"),
    "bpf_ktime_get_tai_ns": (208, "__u64", "void"),
    "bpf_get_func_ret": (184, "long", "void *ctx, __u64 *value"),
    "bpf_loop": (181, "long", "__u32 count, void *callback, void *frame, __u64 flags"),
    "bpf_d_path": (147, "long", "void *path, char *to, __u32 size"),
    "bpf_per_cpu_ptr": (153, "void *", "const void *variable, __u32 cpu"),
    "bpf_this_cpu_ptr": (154, "void *", "const void *variable"),
    "bpf_map_lookup_percpu_elem": (195, "void *", "void *map, const void *key, __u32 cpu"),
}  # fmt: skip

SECTIONS = {
    ProbeKind.KPROBE: "kprobe",
    ProbeKind.KRETPROBE: "kretprobe",
    ProbeKind.TRACEPOINT: "tracepoint",
    ProbeKind.RAWTRACEPOINT: "raw_tp",
    ProbeKind.FENTRY: "fentry",
    ProbeKind.FEXIT: "fexit",
    ProbeKind.ITER: "iter",
    ProbeKind.INTERVAL: "perf_event",
    ProbeKind.PROFILE: "perf_event",
    ProbeKind.SOFTWARE: "perf_event",
    **dict.fromkeys(TRACER_KINDS, "raw_tp"),
}
_RARER = (
    ("BPF_MAP_TYPE_LRU_HASH", 9),
    ("BPF_MAP_TYPE_LRU_PERCPU_HASH", 10),
    ("BPF_MAP_TYPE_TASK_STORAGE", 29),
    ("BPF_LOCAL_STORAGE_GET_F_CREATE", 1),
)
"""Constants that few objects need."""
_TRUSTED_SECTION = "tp_btf"
"""Of a raw tracepoint's program that is loaded for it (see `plan.Program`)."""


class Dialect(ABC):
    """One way to spell maps, programs and kernel structs."""

    name: str

    @abstractmethod
    def head(self, body: str, license_: str) -> str:
        """What comes before everything; ``body`` tells which helpers are called."""

    @abstractmethod
    def tail(self, license_: str) -> str:
        """What comes last."""

    @abstractmethod
    def map(self, kind: str, symbol: str, key: str, value: str, entries: int, lazy: bool) -> str:
        """Declaration of a map; ``kind`` in the kernel's lower-case words (``percpu_hash``)."""

    @abstractmethod
    def output(self) -> str:
        """The event array, and ``output(ctx, event, size)``."""

    @abstractmethod
    def lookup(self, symbol: str, key: str) -> str: ...

    @abstractmethod
    def update(self, symbol: str, key: str, value: str, new: bool) -> str:
        """An update; ``new``: only if the key is missing. Gives 0 or a negative error."""

    @abstractmethod
    def delete(self, symbol: str, key: str) -> str: ...

    @abstractmethod
    def address(self, symbol: str) -> str:
        """The address of a map."""

    @abstractmethod
    def percpu_lookup(self, symbol: str, key: str, cpu: str) -> str:
        """The slot of one CPU; null where there is no such key or CPU."""

    @abstractmethod
    def task_storage(self, symbol: str, create: bool) -> str:
        """The current thread's storage; null where it has none, or there is no memory."""

    @abstractmethod
    def each(self, symbol: str, callback: str, frame: str) -> str:
        """Call a function for every entry of a map; gives their number."""

    @abstractmethod
    def repeat(self, count: str, callback: str, frame: str) -> str:
        """Call a function for every number below a count."""

    @abstractmethod
    def program(self, kind: ProbeKind, name: str, context: str, trusted: bool = False) -> str:
        """The head of a program's definition; ``trusted`` as in `plan.Program`."""

    @abstractmethod
    def struct(self, one: KernelStruct) -> str: ...

    def core_only(self, text: str) -> str:
        """A piece with read-only data, an extern, or a function that a helper calls."""
        return text

    def kernel_types(self, kernel: KernelTypes) -> str:
        """Declarations of all kernel types, inner ones first."""
        return "\n".join([*kernel.enums.values(), *(self.struct(s) for s in kernel.ordered())])


class Core(Dialect):
    name = "core"

    def head(self, body: str, license_: str) -> str:
        helpers = "\n".join(
            f"static {result}{'' if result.endswith('*') else ' '}(*{name})({arguments})"
            f" = (void *){number};"
            for name, (number, result, arguments) in _HELPERS.items()
            if f"{name}(" in body
        )
        rarer = "".join(f"\t{name} = {number},\n" for name, number in _RARER if f"{name})" in body)
        return f"""\
typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;

#define SEC(name) __attribute__((section(name), used))
#define __always_inline inline __attribute__((always_inline))
#define __uint(name, value) int (*name)[value]
#define __type(name, value) typeof(value) *name

enum {{
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
{rarer}	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
}};
#define BPF_F_CURRENT_CPU 0xffffffffULL

{helpers}
"""

    def tail(self, license_: str) -> str:
        return f'char LICENSE[] SEC("license") = "{license_}";\n'

    def map(self, kind: str, symbol: str, key: str, value: str, entries: int, lazy: bool) -> str:
        flags = "\t__uint(map_flags, BPF_F_NO_PREALLOC);\n" if lazy else ""
        return f"""\
struct {{
	__uint(type, BPF_MAP_TYPE_{kind.upper()});
	__uint(max_entries, {entries});
{flags}	__type(key, {key});
	__type(value, {value});
}} {symbol} SEC(".maps");
"""

    def output(self) -> str:
        return """\
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, event, size);
}
"""

    def lookup(self, symbol: str, key: str) -> str:
        return f"bpf_map_lookup_elem(&{symbol}, {key})"

    def update(self, symbol: str, key: str, value: str, new: bool) -> str:
        flag = "BPF_NOEXIST" if new else "BPF_ANY"
        return f"bpf_map_update_elem(&{symbol}, {key}, {value}, {flag})"

    def delete(self, symbol: str, key: str) -> str:
        return f"bpf_map_delete_elem(&{symbol}, {key})"

    def address(self, symbol: str) -> str:
        return f"&{symbol}"

    def percpu_lookup(self, symbol: str, key: str, cpu: str) -> str:
        return f"bpf_map_lookup_percpu_elem(&{symbol}, {key}, {cpu})"

    def task_storage(self, symbol: str, create: bool) -> str:
        flag = "BPF_LOCAL_STORAGE_GET_F_CREATE" if create else "0"
        return f"bpf_task_storage_get(&{symbol}, bpf_get_current_task_btf(), 0, {flag})"

    def each(self, symbol: str, callback: str, frame: str) -> str:
        return f"bpf_for_each_map_elem(&{symbol}, {callback}, {frame}, 0)"

    def repeat(self, count: str, callback: str, frame: str) -> str:
        return f"bpf_loop({count}, {callback}, {frame}, 0)"

    def program(self, kind: ProbeKind, name: str, context: str, trusted: bool = False) -> str:
        section = _TRUSTED_SECTION if trusted else SECTIONS[kind]
        return f'SEC("{section}")\nint {name}({context}ctx)'

    def struct(self, one: KernelStruct) -> str:
        fields = "".join(f"\t{_declare(field)};\n" for field in one.fields.values())
        return f"{one.keyword} {one.tag} {{\n{fields}}} __attribute__((preserve_access_index));\n"


class Bcc(Dialect):
    name = "bcc"

    def head(self, body: str, license_: str) -> str:
        return f"#define BPF_LICENSE {license_}\n"

    def tail(self, license_: str) -> str:
        return ""

    def map(self, kind: str, symbol: str, key: str, value: str, entries: int, lazy: bool) -> str:
        if lazy:
            return (
                f'BPF_F_TABLE("{kind}", {key}, {value}, {symbol}, {entries}, BPF_F_NO_PREALLOC);\n'
            )
        return f'BPF_TABLE("{kind}", {key}, {value}, {symbol}, {entries});\n'

    def output(self) -> str:
        return """\
BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}
"""

    def lookup(self, symbol: str, key: str) -> str:
        return f"{symbol}.lookup({key})"

    def update(self, symbol: str, key: str, value: str, new: bool) -> str:
        return f"{symbol}.{'insert' if new else 'update'}({key}, {value})"

    def delete(self, symbol: str, key: str) -> str:
        return f"{symbol}.delete({key})"

    def address(self, symbol: str) -> str:
        raise HostError(
            "BCC cannot take the address of a map", hint="use --backend libbpf", code="bcc"
        )

    def percpu_lookup(self, symbol: str, key: str, cpu: str) -> str:
        raise HostError(
            "BCC cannot read an aggregation inside a probe: it has no per-CPU lookup",
            hint="use --backend libbpf",
            code="bcc",
        )

    def task_storage(self, symbol: str, create: bool) -> str:
        raise HostError(
            "BCC has no storage of tasks in its C", hint="use --backend libbpf", code="bcc"
        )

    def each(self, symbol: str, callback: str, frame: str) -> str:
        raise HostError(
            "BCC cannot walk a map inside a probe: its programs have no callback functions",
            hint="use --backend libbpf",
            code="bcc",
        )

    def repeat(self, count: str, callback: str, frame: str) -> str:
        raise HostError(
            "BCC cannot run a for loop: its programs have no callback functions",
            hint="use --backend libbpf or unroll",
            code="bcc",
        )

    def core_only(self, text: str) -> str:
        raise HostError(
            "BCC cannot look up names of numbers, search long strings, find per-CPU variables or"
            " print to the trace pipe in a probe: its C has no place for what they need",
            hint="use --backend libbpf",
            code="bcc",
        )

    def program(self, kind: ProbeKind, name: str, context: str, trusted: bool = False) -> str:
        if trusted or kind in TRAMPOLINE_KINDS or kind is ProbeKind.ITER:
            raise HostError(
                f"BCC cannot load {kind.value} programs for a target of their own",
                hint="use --backend libbpf",
                code="bcc",
            )
        return f"int {name}({context}ctx)"

    def struct(self, one: KernelStruct) -> str:
        """Every field at its own offset, independent of the others: a union of padded structs."""
        fields = "".join(
            f"\tstruct {{\n\t\t{_padding(field)}{_declare(field)};\n"
            f"\t}} __attribute__((packed));\n"
            for field in one.fields.values()
        )
        return f"{one.keyword} {one.tag} {{\n\tunion {{\n{_indent(fields)}\t}};\n}};\n"


def _declare(field: KernelField) -> str:
    return field.spelling.format(field.name)


def _padding(field: KernelField) -> str:
    return f"char before_{field.name}[{field.offset}];\n\t\t" if field.offset else ""


def _indent(text: str) -> str:
    return "".join(f"\t{line}\n" for line in text.splitlines())


DIALECTS: dict[str, Dialect] = {"core": Core(), "bcc": Bcc()}
