/* SPDX-License-Identifier: MIT
 *
 * A program that the verifier refuses: it reads through an unchecked pointer.
 */
#include "core.h"

SEC("raw_tp") int unchecked(void *ctx)
{
	u32 key = bpf_ktime_get_ns();

	return *(int *)bpf_map_lookup_elem(&control, &key);
}
