# SPDX-License-Identifier: MIT
"""The C around the programs: helper functions that both dialects share, emitted when needed."""

from __future__ import annotations

import errno

from kptrace import types
from kptrace.plan import EXIT_ASKED, Control, StackMap

SLOTS = 4
"""Scratch slots per CPU: one each for task, softirq, hard irq and NMI context."""

ENOMEM = -12
"""What a new element gets when the BPF allocator's cache for this CPU is empty: it is refilled
behind the interrupt, so the update is sent to the tracer instead of being lost. Compared as an
int: before 6.3 (d7ba4cc900bf) the upper half of a map update's result is not sign-extended."""

_KEEP = 'asm volatile("" : "+r"(bucket)); /* what is checked is what is used */'
"""Else clang may check one copy of the index and use another, which the verifier refuses."""

EVENT_HEADER = """\
struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};
"""

CLEAR_BYTES = """\
/* Zero many bytes in one call: a read from address 0 fails, and then the kernel zeroes them. */
static __always_inline void clear_bytes(void *to, __u32 size)
{
	bpf_probe_read_kernel(to, size, (void *)0);
}
"""

WARN = """\
/* A run-time warning: an event without fields. */
static __always_inline void warn(void *ctx, __u32 id)
{
	struct event_header event = { .time = bpf_ktime_get_ns(), .id = id };

	send(ctx, &event, sizeof(event));
}
"""

WARN_FAILED = """\
/* A run-time warning about a helper: what it returned. */
static __always_inline void warn_failed(void *ctx, __u32 id, long result)
{
	struct {
		struct event_header header;
		__s64 result;
	} event = {
		.header = { .time = bpf_ktime_get_ns(), .id = id },
		.result = result,
	};

	send(ctx, &event, sizeof(event));
}
"""

STRING_EQUAL = """\
/* Strings are equal if their bytes are, up to the NUL or to the shorter size. */
static __always_inline _Bool string_equal(const char *left, const char *right, __u32 size)
{
	for (__u32 i = 0; i < size; i++) {
		if (left[i] != right[i])
			return 0;
		if (!left[i])
			return 1;
	}
	return 1;
}
"""

BYTES_EQUAL = """\
static __always_inline _Bool bytes_equal(const void *left, const void *right, __u32 size)
{
	const __u8 *one = left, *other = right;

	for (__u32 i = 0; i < size; i++)
		if (one[i] != other[i])
			return 0;
	return 1;
}
"""

LOG2 = """\
/*
 * Position of the highest set bit of a number below 2^63. Comparisons are sign bits: the verifier
 * follows both ways of a branch, which in a loop is all that it does.
 */
static __always_inline __u64 highest_bit(__u64 n)
{
	__u64 bit, shift;

	bit = (0xffffffff - n) >> 63 << 5;
	n >>= bit;
	shift = (0xffff - n) >> 63 << 4;
	n >>= shift;
	bit |= shift;
	shift = (0xff - n) >> 63 << 3;
	n >>= shift;
	bit |= shift;
	shift = (0xf - n) >> 63 << 2;
	n >>= shift;
	bit |= shift;
	shift = (0x3 - n) >> 63 << 1;
	n >>= shift;
	bit |= shift;
	return bit | (n >> 1);
}
"""

ACTIVE = """\
/* Probes count only between the last attach and the first detach. */
static __always_inline _Bool active(void)
{
	__u32 zero = 0;
	__u32 *on = control_at(&zero);

	return on && *on;
}
"""

START_TIME = """\
static __always_inline __u64 start_time_get(void)
{
	__u32 zero = 0;
	__u64 *time = start_time_at(&zero);

	return time ? *time : 0;
}
"""

TAI_OFFSET = """\
/* What CLOCK_TAI is ahead of CLOCK_BOOTTIME. */
static __always_inline __u64 tai_offset_get(void)
{
	__u32 zero = 0;
	__u64 *offset = tai_offset_at(&zero);

	return offset ? *offset : 0;
}
"""

NS_PID_TGID = """\
/* Process and thread in a pid namespace; 0 for a task that is not in it. */
static __always_inline __u64 ns_pid_tgid(__u64 device, __u64 inode)
{
	struct {
		__u32 pid;
		__u32 tgid;
	} ids = {};

	bpf_get_ns_current_pid_tgid(device, inode, (void *)&ids, sizeof(ids));
	return (__u64)ids.tgid << 32 | ids.pid;
}
"""

ASK_EXIT = f"""\
/* The run shall end, also where a full buffer refuses the event that says so. */
static __always_inline void ask_exit(__u32 code)
{{
	__u32 index = {Control.EXIT:d};
	__u32 *slot = control_at(&index);

	if (slot)
		*slot = {EXIT_ASKED} | (code & 0xff);
}}
"""

BENCH = (
    """\
struct bench_run {
	void *ctx;
	int result;
};

static __always_inline __u32 *bench_repeat(void)
{
	__u32 index = %d;

	return control_at(&index);
}
"""
    % Control.REPEAT
)

FUNC_RET = """\
static __always_inline __u64 func_ret(void *ctx)
{
	__u64 value = 0;

	bpf_get_func_ret(ctx, &value);
	return value;
}
"""

NO_ROOM = """\
struct seq_file___room {
	__u64 size;
	__u64 count;
} __attribute__((preserve_access_index));

/* What reading an iterator gives has no room for one more object: it will be shown again. */
static __always_inline _Bool no_room(__u64 *ctx, __u64 need)
{
	struct seq_file___room *file = *(void **)ctx[0];

	return file->count && file->size - file->count <= need;
}
"""

SEND_ITER = """\
/* An event of an iterator goes to whoever reads it; records follow each other, so say how long. */
static __always_inline void send_iter(__u64 *ctx, void *event, __u32 size)
{
	struct event_header *header = event;

	header->unused = size;
	bpf_seq_write(*(void **)ctx[0], event, size);
}
"""

WRITE_ITER = """\
/* Bytes for whoever reads a pinned iterator. */
static __always_inline long write_iter(__u64 *ctx, const void *data, __u32 size)
{
	return bpf_seq_write(*(void **)ctx[0], data, size);
}
"""

PRINT_REFUSED = "printf: refused by this kernel\n"
PRINT_ITER = f"""\
/* Text for whoever reads a pinned iterator; a conversion that this kernel lacks is told there. */
static __always_inline long print_iter(__u64 *ctx, const char *format, __u32 size,
		const __u64 *words, __u32 length)
{{
	char refused[] = "{PRINT_REFUSED.replace(chr(10), chr(92) + 'n')}";
	long result = (int)bpf_seq_printf(*(void **)ctx[0], format, size, words, length);

	if (result && result != -{errno.EOVERFLOW} /* EOVERFLOW: the buffer is full */)
		bpf_seq_write(*(void **)ctx[0], refused, sizeof(refused) - 1);
	return result;
}}
"""

LEDGER_ADD = """\
/* Count in the loss ledger; gives this CPU's new count. */
static __always_inline __u64 ledger_add(__u32 index)
{
	__u64 *count = ledger_at(&index);

	if (!count)
		return 0;
	*count += 1;
	return *count;
}
"""


def send(counter: int) -> str:
    """Submit an event; a refused one is counted."""
    return f"""\
static __always_inline void send(void *ctx, void *event, __u32 size)
{{
	if (output(ctx, event, size))
		ledger_add({counter});
}}
"""


def scratch() -> str:
    """Memory too big for the stack: a slot of its own for every level of nesting on a CPU."""
    return f"""\
/*
 * Big objects live in per-CPU scratch memory. An interrupt may nest inside a program, so each run
 * takes a free slot; when none is free the run is refused and counted.
 */
static __always_inline struct scratch_slot *scratch_enter(__u32 refused)
{{
#pragma unroll
	for (__u32 i = 0; i < {SLOTS}; i++) {{
		__u32 index = i;
		struct scratch_slot *slot = scratch_at(&index);

		if (!slot)
			continue;
		__sync_fetch_and_add(&slot->busy, 1);
		if (*(volatile __u64 *)&slot->busy == 1)
			return slot;
		__sync_fetch_and_add(&slot->busy, -1);
	}}
	ledger_add(refused);
	return (void *)0;
}}
"""


def _into_bucket(buckets: int) -> str:
    """The end of both updates: exact figures beside the buckets, then the bucket."""
    return f"""\
	if (!hist->n || n < hist->min)
		hist->min = n;
	if (!hist->n || n > hist->max)
		hist->max = n;
	hist->n += 1;
	hist->sum += n;
	{_KEEP}
	if (bucket < {buckets})
		hist->buckets[bucket] += 1;
"""


def hist_add(bits: int) -> str:
    """Update of a log-linear histogram: H(n) of language §5.4."""
    buckets = types.hist_buckets(bits)
    return f"""\
static __always_inline void hist_add_{bits}(struct hist_{buckets} *hist, __s64 n)
{{
	/* below {1 << bits} each number has a bucket of its own, and below 0 all have the first one */
	__u64 shift = highest_bit(n | {1 << bits}) - {bits};
	__u64 large = ({(1 << bits) - 1} - (__u64)n) >> 63;
	/* below 0 the shift is too large for C */
	__u64 rest = ((__u64)n >> (shift & 63)) & {(1 << bits) - 1};
	__u64 bucket = ((shift + large) << {bits}) + 1 + rest;

	bucket &= ~(n >> 63);
{_into_bucket(buckets)}}}
"""


def lhist_add(buckets: int) -> str:
    """Update of a linear histogram: L(n) of language §5.4."""
    return f"""\
static __always_inline void lhist_add_{buckets}(struct hist_{buckets} *hist, __s64 n, __s64 min,
		__s64 max, __u64 step)
{{
	__u64 bucket = 0;

	if (n > max)
		bucket = 1 + (__u64)(max - min) / step;
	else if (n >= min)
		bucket = 1 + (__u64)(n - min) / step;
{_into_bucket(buckets)}}}
"""


def stack(one: StackMap, counter: int) -> str:
    """Store a stack under a 64-bit hash of its frames; 0 is the empty stack.

    A user stack also has its process, which its addresses belong to. Kernel threads have none.
    """
    depth, name = one.depth, one.prefix
    process = "\t__u64 process;\n" if one.user else ""
    tell = f"if (ledger_add({counter}) == 1)\n"
    flags, before, lost = "0", "", f"\t\t{tell}\t\t\twarn(ctx, warning);\n"
    if one.user:
        flags = "256 /* BPF_F_USER_STACK */"
        before = (
            "\tframes->process = bpf_get_current_pid_tgid() >> 32;\n\tkey ^= frames->process;\n"
        )
        lost = f"\t\tif (size == -14) /* EFAULT: a kernel thread */\n\t\t\treturn 0;\n{lost}"
    if one.build_id:
        flags = "2304 /* BPF_F_USER_STACK | BPF_F_USER_BUILD_ID */"
    return f"""\
struct {name}frames_{depth} {{
{process}	__u64 address[{depth * _words(one)}];
}};

static __always_inline __u64 {name}stack_{depth}_store(__u64 key,
		struct {name}frames_{depth} *frames)
{{
	if ({name}stacks_{depth}_at(&key))
		return key;
	if ({name}stacks_{depth}_put(&key, frames)) {{
		ledger_add({counter});
		return 0;
	}}
	return key;
}}

static __always_inline __u64 {name}stack_{depth}(void *ctx, struct {name}frames_{depth} *frames,
		__u32 warning)
{{
	long size = bpf_get_stack(ctx, frames->address, sizeof(frames->address), {flags});
	__u64 key = 0xcbf29ce484222325ULL;

	if (size < 0) {{
{lost}		return 0;
	}}
{before}	for (__u32 i = 0; i < {depth * _words(one)}; i++) {{
		if (i * 8 >= (__u64)size)
			break;
		key = (key ^ frames->address[i]) * 0x9e3779b97f4a7c15ULL;
		key ^= key >> 32;
	}}
	return {name}stack_{depth}_store(key, frames);
}}
"""


def _words(one: StackMap) -> int:
    """64-bit words of a frame."""
    return types.BUILD_ID_FRAME // 8 if one.build_id else 1


def stack_length(one: StackMap) -> str:
    """The number of frames of a stored stack."""
    depth, name = one.depth, one.prefix
    # a place in a file begins with its status, which is 0 behind the last frame
    frame = f"(__u32)frames->address[i * {_words(one)}]" if one.build_id else "frames->address[i]"
    return f"""\
static __always_inline __s64 {name}stack_{depth}_length(__u64 key)
{{
	struct {name}frames_{depth} *frames = {name}stacks_{depth}_at(&key);
	__s64 length = 0;

	if (!frames)
		return 0;
	for (__u32 i = 0; i < {depth}; i++) {{
		if (!{frame})
			break;
		length++;
	}}
	return length;
}}
"""


def read_aggregate(
    symbol: str, kind: types.Type, value: str, parameter: str, zero: str, slot: str, cpus: int
) -> str:
    """The value of an aggregation now, merged over all CPUs as language §5.4 says.

    The loop is bounded by the number of possible CPUs: the verifier walks all of it.
    """
    match kind:
        case types.Count():
            add, result = "total += slot->n;", "total"
        case types.Sum():
            add, result = "total += slot->value;", "total"
        case types.Min(signed=signed) | types.Max(signed=signed):
            sign = "<" if isinstance(kind, types.Min) else ">"
            cast = "" if signed else "(__u64)"
            better = f"{cast}slot->value {sign} {cast}total"
            add = f"if (slot->n && (!n || {better}))\n\t\t\ttotal = slot->value;\n\t\tn += slot->n;"
            result = "total"
        case types.Avg(signed=signed):
            add = "total += slot->value;\n\t\tn += slot->n;"
            # BPF divides unsigned only; the average is truncated toward zero
            quotient = "(total < 0 ? -(__s64)(-(__u64)total / n) : (__s64)((__u64)total / n))"
            result = f"n ? {quotient if signed else '(__s64)((__u64)total / n)'} : 0"
        case _:
            raise AssertionError(f"BUG: {types.type_name(kind)} has no value")
    return f"""\
static __always_inline __s64 {symbol}_read({parameter})
{{
	__s64 total = 0;
	__u64 n = 0;
{zero}	for (__u32 cpu = 0; cpu < {cpus}; cpu++) {{
		{value} *slot = {slot};

		if (!slot)
			break;
		{add}
	}}
	(void)n;
	return {result};
}}
"""


END_LOOP = """\
/* The verifier wants to see a 1, but clang would return a byte of memory that it knows to be 1. */
static __always_inline long end_loop(void)
{
	long one = 1;

	asm volatile("" : "+r"(one));
	return one;
}
"""


FORGET = """\
/* The value, of which the verifier knows nothing: else it would follow a counter round by round. */
static __always_inline __u64 forget(__u64 value, __u64 unknown)
{
	asm volatile("%0 += %1; %0 -= %1" : "+r"(value) : "r"(unknown));
	return value;
}
"""


NEXT_ENTRY = """\
/* Walking a map with this one counts its entries. */
static long next_entry(void *map, void *key, void *value, void *frame)
{
	return 0;
}
"""


def each(symbol: str, call: str) -> str:
    """Call a function for every entry of a map; gives their number."""
    return f"""\
static __always_inline long {symbol}_each(void *callback, void *frame)
{{
	return {call};
}}
"""


def repeat(call: str) -> str:
    """Call a function for every number below a count; it ends the loop by returning 1."""
    return f"""\
/* The kernel refuses more rounds than this as a whole (BPF_MAX_LOOPS). */
static __always_inline void repeat(__u32 count, void *callback, void *frame)
{{
	if (count > {types.MAX_ROUNDS})
		count = {types.MAX_ROUNDS};
	{call};
}}
"""


def join(space: str) -> str:
    """The strings of ``join()``, each with its NUL, up to the first empty one."""
    reader = f"bpf_probe_read_{space}"
    return f"""\
static __always_inline __u32 join_{space}(char *to, __u64 argv)
{{
	__u32 length = 0;

	for (__u32 i = 0; i < 16 && length <= 15 * 1024; i++) {{
		__u64 pointer = 0;
		long size;

		if ({reader}(&pointer, sizeof(pointer), (void *)(argv + i * 8)) || !pointer)
			break;
		size = {reader}_str(to + length, 1024, (void *)pointer);
		if (size <= 1 || size > 1024)
			break;
		length += size;
	}}
	return length;
}}
"""


def wanted_process(pid: str) -> str:
    """The filter of ``-p``; ``pid`` is the C of the current process id."""
    return f"""\
/* -p: whether the current process is the one that the run is about. */
static __always_inline _Bool wanted_process(void)
{{
	__u32 index = {Control.PID:d};
	__u32 *pid = control_at(&index);

	return pid && *pid == {pid};
}}
"""


def tseries_name(kind: types.TSeries) -> str:
    """The function that adds to a series; one for each way to combine values."""
    sign = "" if kind.signed or kind.function not in ("min", "max") else "_unsigned"
    return f"tseries_{kind.function or 'last'}{sign}_{kind.count}"


def tseries_add(name: str) -> str:
    """Update of a time series; ``name`` as `tseries_name` makes it."""
    _, function, *sign, count = name.split("_")
    cast = "(__u64)" if sign else ""
    sign_of = {"min": "<", "max": ">"}.get(function, "")
    combine = {
        "last": "slot->value = n;\n\tslot->meta = now;",
        "avg": "slot->value += n;\n\tslot->meta += 1;",
        "sum": "slot->value += n;",
    }.get(function, f"if ({cast}n {sign_of} {cast}slot->value)\n\t\tslot->value = n;")
    return f"""\
static __always_inline void {name}(struct tseries_{count} *series, __s64 n, __u64 now,
		__u64 interval)
{{
	__u64 epoch = now / interval, bucket = epoch % {count};
	struct tseries_slot *slot;

	{_KEEP}
	if (bucket >= {count})
		return;
	slot = &series->slots[bucket];
	if (slot->epoch != epoch + 1) {{
		slot->value = n;
		slot->meta = {"1" if function == "avg" else "now"};
		slot->epoch = epoch + 1;
		return;
	}}
	{combine}
}}
"""
