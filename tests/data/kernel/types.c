// SPDX-License-Identifier: MIT
// Types as a kernel's BTF has them, compiled by the tests. What Debian 12's clang cannot express
// (64-bit enumerations, variadic functions) is added to the module's BTF in conftest.py.

typedef unsigned long size_t;
typedef unsigned char u8;
typedef unsigned long long sector_t;

#define __user __attribute__((btf_type_tag("user")))
#define __rcu __attribute__((btf_type_tag("rcu")))
#define __percpu __attribute__((btf_type_tag("percpu")))

enum color { RED, GREEN = 5, LAST = 0x80000000u };
enum sign { MINUS = -1, PLUS = 1 };

struct elsewhere;
union either {
	int number;
	char text[8];
};

struct list {
	struct list *next, *prev;
};

struct request {
	int tag;
	const volatile sector_t sector;
	char name[16];
	u8 key[6];
	signed char signs[4];
	_Bool done;
	_Bool flags[3];
	long matrix[2][3];
	unsigned low : 3;
	unsigned high : 13;
	enum color color;
	union {
		struct {
			int inner;
			union {
				long deep;
				char *alias;
			};
		};
		double real;
	};
	union either either;
	struct list list;
	struct elsewhere *elsewhere;
	int (*callback)(struct request *, ...);
	const char __user *buffer;
	long __rcu *protected;
	int __percpu *counters;
	__int128 large;
	void *anything;
	char tail[];
};

typedef void (*btf_trace_block_start)(void *, struct request *, unsigned);

int __attribute__((noinline)) submit(struct request *rq, const char *why, size_t count)
{
	return rq->tag + (why != 0) + count;
}

int __traceiter_block_start(void *__data, struct request *rq, unsigned bytes)
{
	return rq->tag + bytes;
}

btf_trace_block_start hook;
enum sign sign;
union either either;
struct request *last;

int use(struct request *rq)
{
	last = rq;
	return submit(rq, "", 1);
}
