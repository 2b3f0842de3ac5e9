// SPDX-License-Identifier: MIT
// What the golden kernel's BTF knows, compiled by the tests.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned long size_t;
typedef long ssize_t;
typedef long long loff_t;
typedef u64 sector_t;

#define __user __attribute__((btf_type_tag("user")))

struct dentry;

struct qstr {
	u64 hash_len;
	const unsigned char *name;
};

struct inode {
	unsigned short i_mode;
	u32 i_uid;
	unsigned long i_ino;
	loff_t i_size;
};

struct dentry {
	unsigned d_flags;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct path {
	void *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	loff_t f_pos;
	u8 f_key[6];
};

enum req_op { REQ_OP_READ, REQ_OP_WRITE = 1, REQ_OP_DISCARD = 3 };

struct gendisk {
	int major;
	int first_minor;
	char disk_name[32];
};

struct block_device {
	sector_t bd_start_sect;
	struct gendisk *bd_disk;
};

struct request {
	enum req_op op;
	u32 __data_len;
	sector_t __sector;
	struct block_device *part;
	u64 start_time_ns;
	unsigned flags : 5;
	unsigned state : 3;
	u64 fault[4];
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

struct xarray {
	void *xa_head;
};

struct xa_node {
	unsigned char shift;
	struct xa_node *parent;
	void *slots[64];
};

struct idr {
	struct xarray idr_rt;
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct idr idr;
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct hlist_head tasks[4];
	struct upid numbers[1];
};

struct task_struct {
	u32 state;
	int pid;
	int tgid;
	char comm[16];
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	u64 start_time;
	struct pid *thread_pid;
	struct hlist_node pid_links[4];
};

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip;
	unsigned short cs;
	unsigned long flags, sp, ss;
};

struct bpf_perf_event_data {
	struct pt_regs regs;
	u64 sample_period;
	u64 addr;
};

ssize_t vfs_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	return file->f_pos + count + (buf != 0) + *pos;
}

ssize_t vfs_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return vfs_read(file, (char __user *)buf, count, pos);
}

int vfs_open(const struct path *path, struct file *file)
{
	return path->dentry == file->f_path.dentry;
}

int vfs_fsync(struct file *file, int datasync)
{
	return file->f_inode->i_ino && datasync;
}

struct by_value {
	u64 words[4];
};

_Bool bpf_session_is_return(void)
{
	return 0;
}

int takes_much(struct by_value first, int last)
{
	return first.words[0] + last;
}

struct opaque;

void gives_nothing(struct opaque *unused)
{
}

typedef void (*btf_trace_sched_switch)(void *, _Bool, struct task_struct *, struct task_struct *, u32);
typedef void (*btf_trace_block_rq_issue)(void *, struct request *);

void __traceiter_sched_switch(void *__data, _Bool preempt, struct task_struct *prev,
			      struct task_struct *next, u32 prev_state)
{
	prev->state = next->state + preempt + prev_state;
}

void __traceiter_block_rq_issue(void *__data, struct request *rq)
{
	rq->fault[0] = rq->part->bd_disk->major;
}

btf_trace_sched_switch first_hook;
btf_trace_block_rq_issue second_hook;

// clang describes a struct in full only where one is defined
struct dentry dentry;
struct inode inode;
struct block_device block_device;
struct gendisk gendisk;
struct bpf_perf_event_data sample;
struct pid pid;
struct pid_namespace pid_namespace;
struct xa_node xa_node;

int submit_twice(int count)
{
	return count * 2;
}

// pahole describes a renamed function under its own name
int renamed(int first, int second)
{
	return first + second;
}

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
	u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task last_of_tasks;

int bpf_iter_task(struct bpf_iter_meta *meta, struct task_struct *task)
{
	last_of_tasks.task = task;
	return meta->seq_num;
}
