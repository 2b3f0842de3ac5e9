# SPDX-License-Identifier: MIT
"""C helper functions on strings and bytes. Sizes are constants, so every loop is bounded."""

from __future__ import annotations

KEEP = """\
/*
 * What is checked is what is used: else clang may check one copy and use another, or add to an
 * aligned pointer with |, and the verifier refuses both.
 */
#define KEEP(p) asm volatile("" : "+r"(p))
"""

TEXT_LENGTH = """\
/*
 * Bytes before the NUL; the size if there is none. Read onto itself the string tells its length: no
 * loop, and a number that the verifier does not follow value by value.
 */
static __always_inline __u64 text_length(char *text, __u32 size)
{
	char last = text[size - 1];
	__u64 length = bpf_probe_read_kernel_str(text, size, text) - 1;

	if (!last)
		return length;
	text[size - 1] = last; /* which the helper made a NUL */
	return length == size - 1 ? size : length;
}
"""

TEXT_FIND = """\
/* Where one string begins in another; -1 if it does not. What the strings do not fill is zero. */
static __always_inline __s64 text_find(const char *text, __u32 size, const char *part,
		__u32 part_size)
{
	KEEP(text);
	KEEP(part);
	for (__u32 i = 0; i < size; i++) {
		__u32 j = 0;

		while (j < part_size && i + j < size && part[j] && text[i + j] == part[j])
			j++;
		if (j == part_size || !part[j])
			return i;
		if (!text[i])
			return -1;
	}
	return -1;
}
"""


def text_find_loop(size: int, part_size: int) -> str:
    """`TEXT_FIND` for sizes whose steps the verifier would not follow one by one.

    bpf_loop calls a function that is verified once. In it no branch depends on a byte, for the
    verifier follows both ways of each; nor on a bound: ``room`` is a copy of the text with zeros
    behind it.
    """
    name = f"text_find_{size}_{part_size}"
    return f"""\
struct {name} {{
	const char *text;
	const char *part;
	__s64 found;
}};

static __attribute__((noinline)) long {name}_at(__u64 i, struct {name} *search)
{{
	const char *text = search->text, *part = search->part;
	__u64 differs = 0;

	if (i >= {size})
		return 1;
	text += i;
	for (__u32 j = 0; j < {part_size}; j++) {{
		__u64 wanted = (__u8)part[j], mask = -wanted;

		KEEP(mask);
		differs |= ((__u8)text[j] ^ wanted) & (mask >> 56);
	}}
	if (differs)
		return !text[0];
	search->found = i;
	return 1;
}}

static __always_inline __s64 {name}(char *room, const char *text, const char *part)
{{
	struct {name} search = {{ .text = room, .part = part, .found = -1 }};

	bpf_probe_read_kernel(room, {size}, text);
	clear_bytes(room + {size}, {part_size});
	bpf_loop({size}, {name}_at, &search, 0);
	return search.found;
}}
"""


TEXT_JOIN = """\
/* Two strings one behind the other, in memory for both of them. */
static __always_inline void text_join(char *to, const char *left, __u32 left_size,
		const char *right, __u32 right_size)
{
	__u64 end;

	bpf_probe_read_kernel(to, left_size, left);
	to[left_size] = 0;
	end = bpf_probe_read_kernel_str(to, left_size + 1, to) - 1;
	if (end <= left_size)
		bpf_probe_read_kernel(to + end, right_size, right);
}
"""

BYTES_COMPARE = """\
/* As memcmp(3): negative if the left bytes are smaller. */
static __always_inline __s32 bytes_compare(const void *left, const void *right, __u32 size,
		__u64 count)
{
	const __u8 *one = left, *other = right;

	KEEP(one);
	KEEP(other);
	for (__u32 i = 0; i < size; i++) {
		if (i >= count)
			break;
		if (one[i] != other[i])
			return one[i] < other[i] ? -1 : 1;
	}
	return 0;
}
"""


PATH_TEXT = """\
/*
 * A path, or its end if it is too long. The kernel builds it from the end of its memory, so what it
 * leaves behind the NUL is not part of it.
 */
static __always_inline void path_text(char *to, __u32 size, char *room, __u32 room_size,
		__u64 object, __u64 offset)
{
	long length;

	if (!object)
		return;
	KEEP(object);
	length = bpf_d_path((void *)object + offset, room, room_size);
	if (length > room_size) /* never; the verifier of Linux 7.2 does not know that */
		return;
	if (length > size)
		bpf_probe_read_kernel_str(to, size, room + (length - size));
	else if (length > 0)
		bpf_probe_read_kernel_str(to, size, room);
}
"""

KERNEL_PRINTK = """\
#define kernel_printk(format, size, ...) bpf_trace_printk(format, size, ##__VA_ARGS__)
"""


def write_user(space: str) -> str:
    """Write to the memory of the current process what is in kernel or user memory."""
    return f"""\
static __always_inline _Bool write_user_from_{space}(__u64 to, void *room, __u32 size, __u64 from,
		__u64 length)
{{
	__u64 last = length - 1;

	/* the helper wants proof that the length is not 0: counted to the last byte it never is */
	asm volatile("" : "+r"(last));
	if (last >= size)
		return !length;
	if (bpf_probe_read_{space}(room, last + 1, (void *)from))
		return 0;
	return !bpf_probe_write_user((void *)to, room, last + 1);
}}
"""


def name_table(function: str, names: dict[int, str], width: int) -> str:
    """``function(to, size, number)`` copies the name of a number; none for an unknown one.

    The names lie in read-only data, ``width`` bytes each.
    """
    count = max(names) + 1
    rows = "".join(
        f'\t[{number}] = "{name}",\n' for number, name in sorted(names.items())
    )  # names are words of this system: no quotes in them
    return f"""\
static const char {function}s[{count}][{width}] = {{
{rows}}};

static __always_inline _Bool {function}(char *to, __u64 number)
{{
	const char *name;

	if (number >= {count})
		return 0;
	name = {function}s[number];
	bpf_probe_read_kernel(to, {width}, name);
	return to[0];
}}
"""
