#!/bin/sh
# Stands for clang in the guest: compiler.py, on the host, does the work. The text comes on standard
# input and the object goes to standard output, as kptrace calls clang.
set -e
job=/run/lab/compile/$$
cat >"$job.text"
printf '%s\0' "$@" >"$job.draft"
mv "$job.draft" "$job.request"
until [ -e "$job.status" ]; do sleep 0.05; done
read -r status <"$job.status"
cat "$job.err" >&2
[ ! -e "$job.o" ] || cat "$job.o"
rm -f "$job".*
exit "$status"
