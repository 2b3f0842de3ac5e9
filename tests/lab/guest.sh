#!/bin/sh
# What the guest does, as root, once virtme-ng has booted it into the kernel's unpacked packages:
# build the root file system that the command sees, run the command there, leave its exit status.
# /run/job is shared with the host and holds this script, `settings` and `command`.
. /run/job/settings # kernel, release, checkout, modules, term

# The host's root, read-only. cache=loose because the host's files hold still during a run: it makes
# importing a Python package 2 to 5 times cheaper than virtme-ng's own uncached mount.
# The tmpfs on top takes every write, and vanishes with the guest.
mount -t tmpfs lab /mnt
cd /mnt && mkdir lower upper work root
mount -t 9p -o ro,version=9p2000.L,trans=virtio,msize=512000,cache=loose,noxattr lab.root lower
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work,xino=off lab root

mount -t bpf bpf /sys/fs/bpf
for dir in proc sys dev; do mount --rbind /$dir root/$dir; done
for dir in run tmp; do mount -t tmpfs $dir root/$dir; done
mkdir root/run/lock root/run/lab
case $checkout in
/tmp/* | /run/*) # hidden by the two mounts above
    mkdir -p over/upper over/work "root$checkout"
    mount -t overlay -o "lowerdir=lower$checkout,upperdir=over/upper,workdir=over/work" lab "root$checkout"
    ;;
esac
mount --bind /run/job root/run/lab
mkdir -p root/lib/modules
ln -s "$modules" "root/lib/modules/$release"

# The devices that block probes look at, and a file system for them.
chroot root /sbin/modprobe --all virtio_blk nvme ext4
echo 0 >/proc/sys/kernel/kptr_restrict # kallsyms shows addresses
ip link set lo up

in_root() {
    env -i HOME=/root LANG=C.UTF-8 TERM="$term" KPTRACE_LAB=1 KPTRACE_LAB_KERNEL="$kernel" \
        PATH="$checkout/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
        chroot root /bin/sh -c 'cd "$0" && exec "$@"' "$checkout" "$@"
}

if [ ! -e /run/job/command ]; then
    exec 2>&1
    in_root env PS1="lab $kernel \\w # " bash --norc -i # a .bashrc is made for a fast machine
    exit
fi

# The port is found by its name in /sys, since nothing here makes /dev/virtio-ports. Between it and
# the command stands a pipe: a virtio port can be opened once only, so `>/dev/stderr` would fail.
name=$(grep -l lab.output /sys/class/virtio-ports/*/name)
port=/dev/$(basename "$(dirname "$name")")
touch /run/job/ready
{
    in_root sh /run/lab/command 2>&1
    echo $? >/run/job/status.part
} </dev/null | cat >"$port"
mv /run/job/status.part /run/job/status
