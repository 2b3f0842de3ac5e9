// SPDX-License-Identifier: MIT
// producer CPU ROUNDS RATE: rounds of 5000 getppid calls on one CPU, RATE calls a second (0: flat
// out). Prints the least, the 10th percentile and the median of the rounds in ns per call, and the
// seconds in all. The first argument of each call counts up, which gives a map as many keys.
// producer number: prints the number of the system call.
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CALLS 5000
#define BURST 500 // calls between two looks at the clock

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); // in the vDSO: no system call
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

int main(int count, char **words)
{
	if (count == 2 && !strcmp(words[1], "number"))
		return printf("%d\n", SYS_getppid) < 0;
	if (count != 4 || atoi(words[2]) < 1)
		return 2;

	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(atoi(words[1]), &set);
	if (sched_setaffinity(0, sizeof set, &set))
		return 1;

	int rounds = atoi(words[2]);
	double period = atof(words[3]) > 0 ? 1e9 / atof(words[3]) : 0;
	double *ns = calloc(rounds, sizeof *ns);
	long made = 0;
	double start = now_ns();

	for (int round = 0; round < rounds; round++) {
		double begin = now_ns();
		for (int burst = 0; burst < CALLS / BURST; burst++) {
			for (int call = 0; call < BURST; call++)
				syscall(SYS_getppid, made++);
			while (period && now_ns() < start + made * period)
				;
		}
		ns[round] = (now_ns() - begin) / CALLS;
	}
	double seconds = (now_ns() - start) / 1e9;
	qsort(ns, rounds, sizeof *ns, compare);
	printf("%.1f %.1f %.1f %.6f\n", ns[0], ns[rounds / 10], ns[rounds / 2], seconds);
	return 0;
}
