/* SPDX-License-Identifier: MIT
 *
 * Which processors this process may use, how they make up cores, and where threads belong. What the
 * system says is read into an ogi_cpus; everything else is computed from that alone. */
#ifndef OG_BASE_CPUS_H
#define OG_BASE_CPUS_H

#include "base/buf.h"

enum { OGI_MAX_CPU = 1024 };

/* One logical processor that may be used. */
typedef struct ogi_cpu {
    int16_t id, core, package, node;
    bool is_small; /* an efficiency core of a hybrid processor */
} ogi_cpu;

typedef struct ogi_cpus {
    ogi_cpu cpu[OGI_MAX_CPU]; /* by id */
    int n;
    int quota; /* processors' worth of time that the control group allows; 0: no limit */
} ogi_cpus;

/* From sysfs below `sys` ("/sys"), control groups as in `cgroup` ("/proc/self/cgroup"), and the
 * calling thread's affinity unless `is_all`. What cannot be read is taken as one core for each
 * processor, all alike. */
void ogi_cpus_read(const char *sys, const char *cgroup, bool is_all, ogi_cpus *out);

/* Adds "0-3,8" to list (at most cap numbers, below OGI_MAX_CPU); how many there are. */
int ogi_cpus_parse_list(const char *text, int16_t *list, int cap);

/* Cores, small ones too, as far as the quota goes; at least 1. */
int ogi_cpus_cores(const ogi_cpus *c);

/* Threads to use when nobody says: one for each core that is not small, as far as the quota goes;
 * at least 1. */
int ogi_cpus_default_threads(const ogi_cpus *c);

/* Index in c->cpu for each of n threads: cores before second threads of a core, large cores before
 * small ones, one node full before the next; from the beginning again when all are taken. */
void ogi_cpus_place(const ogi_cpus *c, int n, int *place);

/* Keeps the calling thread on the node of c->cpu[i], where its memory is; machines of one node
 * leave threads to the system, which knows what else runs. */
void ogi_cpus_stay_near(const ogi_cpus *c, int i);

#endif
