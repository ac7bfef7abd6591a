/* SPDX-License-Identifier: MIT
 *
 * Reading of sysfs and control groups; which threads go where is a pure function of what was read.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/cpus.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- placement ------------------------------------------------------------------------------ */

static bool is_same_core(const ogi_cpu *a, const ogi_cpu *b)
{
    return a->core == b->core && a->package == b->package;
}

/* How many processors of the same core come before this one. */
static int sibling_number(const ogi_cpus *c, int i)
{
    int n = 0;
    for (int k = 0; k < i; k++) n += is_same_core(&c->cpu[k], &c->cpu[i]);
    return n;
}

static int count_cores(const ogi_cpus *c, bool with_small)
{
    int n = 0;
    for (int i = 0; i < c->n; i++)
        n += (with_small || !c->cpu[i].is_small) && sibling_number(c, i) == 0;
    if (c->quota > 0) n = OGI_MIN(n, c->quota);
    return OGI_MAX(n, 1);
}

int ogi_cpus_cores(const ogi_cpus *c)
{
    return count_cores(c, true);
}

int ogi_cpus_default_threads(const ogi_cpus *c)
{
    return count_cores(c, false);
}

void ogi_cpus_place(const ogi_cpus *c, int n, int *place)
{
    int64_t rank[OGI_MAX_CPU]; /* siblings, then size, then node, then id: who comes first */
    for (int i = 0; i < c->n; i++) {
        int64_t late = sibling_number(c, i) * 2 + c->cpu[i].is_small;
        rank[i] = (late * OGI_MAX_CPU + c->cpu[i].node) * OGI_MAX_CPU + c->cpu[i].id;
    }
    int order[OGI_MAX_CPU];
    for (int i = 0; i < c->n; i++) {
        int at = i;
        for (; at > 0 && rank[order[at - 1]] > rank[i]; at--) order[at] = order[at - 1];
        order[at] = i;
    }
    for (int t = 0; t < n; t++) place[t] = c->n ? order[t % c->n] : 0;
}

void ogi_cpus_stay_near(const ogi_cpus *c, int i)
{
    cpu_set_t set;
    bool has_other = false;
    CPU_ZERO(&set);
    for (int k = 0; k < c->n; k++) {
        if (c->cpu[k].node == c->cpu[i].node)
            CPU_SET((size_t)c->cpu[k].id, &set);
        else
            has_other = true;
    }
    if (has_other) sched_setaffinity(0, sizeof set, &set);
}

/* ---- what the system says ------------------------------------------------------------------- */

/* The first line of a file; false if there is none. */
static bool read_line(char *line, int size, const char *path)
{
    FILE *f = fopen(path, "re");
    bool ok = f && fgets(line, size, f);
    if (f) fclose(f);
    if (ok) line[strcspn(line, "\n")] = 0;
    return ok;
}

static int read_int(const char *sys, int cpu, const char *name, int otherwise)
{
    char path[512], line[64];
    snprintf(path, sizeof path, "%s/devices/system/cpu/cpu%d/%s", sys, cpu, name);
    return read_line(line, sizeof line, path) ? atoi(line) : otherwise;
}

int ogi_cpus_parse_list(const char *text, int16_t *list, int cap)
{
    int n = 0;
    for (const char *p = text; *p >= '0' && *p <= '9';) {
        char *end;
        long first = strtol(p, &end, 10), last = first;
        if (*end == '-') last = strtol(end + 1, &end, 10);
        for (long i = first; i <= last && i < OGI_MAX_CPU && n < cap; i++) list[n++] = (int16_t)i;
        p = *end == ',' ? end + 1 : end;
    }
    return n;
}

static int read_list(const char *path, int16_t *list)
{
    char line[4096];
    return read_line(line, sizeof line, path) ? ogi_cpus_parse_list(line, list, OGI_MAX_CPU) : 0;
}

static ogi_cpu *find_cpu(ogi_cpus *c, int id)
{
    for (int i = 0; i < c->n; i++)
        if (c->cpu[i].id == id) return &c->cpu[i];
    return NULL;
}

static void read_nodes(const char *sys, ogi_cpus *c)
{
    int16_t node[OGI_MAX_CPU], list[OGI_MAX_CPU];
    char path[512];
    snprintf(path, sizeof path, "%s/devices/system/node/online", sys);
    int n_node = read_list(path, node);
    for (int k = 0; k < n_node; k++) {
        snprintf(path, sizeof path, "%s/devices/system/node/node%d/cpulist", sys, node[k]);
        int n = read_list(path, list);
        for (int i = 0; i < n; i++) {
            ogi_cpu *cpu = find_cpu(c, list[i]);
            if (cpu) cpu->node = node[k];
        }
    }
}

/* Efficiency cores: x86 lists them, elsewhere they have less than 2/3 of the largest capacity. */
static void find_small(const char *sys, ogi_cpus *c)
{
    int16_t list[OGI_MAX_CPU];
    char path[512];
    int most = 0;
    snprintf(path, sizeof path, "%s/devices/cpu_atom/cpus", sys);
    int n = read_list(path, list);
    for (int i = 0; i < n; i++) {
        ogi_cpu *cpu = find_cpu(c, list[i]);
        if (cpu) cpu->is_small = true;
    }
    if (n) return;
    for (int i = 0; i < c->n; i++)
        most = OGI_MAX(most, read_int(sys, c->cpu[i].id, "cpu_capacity", 0));
    for (int i = 0; i < c->n; i++)
        c->cpu[i].is_small = read_int(sys, c->cpu[i].id, "cpu_capacity", most) * 3 < most * 2;
}

/* "max 100000" or "150000 100000" of one group: whole processors, rounded up; 0: no limit. */
static int quota_of(const char *sys, const char *group)
{
    char path[1024], line[64];
    long long quota, period;
    snprintf(path, sizeof path, "%s/fs/cgroup%s/cpu.max", sys, group);
    if (!read_line(line, sizeof line, path) || sscanf(line, "%lld %lld", &quota, &period) != 2)
        return 0;
    return period > 0 && quota > 0 ? (int)OGI_MIN((quota + period - 1) / period, OGI_MAX_CPU) : 0;
}

/* The least of the process's group and those above it. */
static int read_quota(const char *sys, const char *cgroup)
{
    char line[512], *group = NULL;
    int least = 0;
    FILE *f = fopen(cgroup, "re");
    while (f && !group && fgets(line, sizeof line, f))
        if (!strncmp(line, "0::", 3)) group = line + 3;
    if (f) fclose(f);
    if (!group) return 0;
    group[strcspn(group, "\n")] = 0;
    for (;;) {
        int q = quota_of(sys, group);
        if (q > 0 && (!least || q < least)) least = q;
        char *slash = strrchr(group, '/');
        if (!slash) return least;
        *slash = 0;
    }
}

void ogi_cpus_read(const char *sys, const char *cgroup, bool is_all, ogi_cpus *out)
{
    int16_t list[OGI_MAX_CPU];
    char path[512];
    cpu_set_t mask;
    *out = (ogi_cpus){ 0 };
    snprintf(path, sizeof path, "%s/devices/system/cpu/online", sys);
    int n = read_list(path, list);
    if (!n) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        n = (int)OGI_MIN(OGI_MAX(online, 1), OGI_MAX_CPU);
        for (int i = 0; i < n; i++) list[i] = (int16_t)i;
    }
    bool has_mask = !is_all && sched_getaffinity(0, sizeof mask, &mask) == 0;
    for (int i = 0; i < n; i++) {
        int id = list[i];
        if (has_mask && !CPU_ISSET((size_t)id, &mask)) continue;
        out->cpu[out->n++] = (ogi_cpu){
            .id = (int16_t)id,
            .core = (int16_t)read_int(sys, id, "topology/core_id", id),
            .package = (int16_t)read_int(sys, id, "topology/physical_package_id", 0),
        };
    }
    read_nodes(sys, out);
    find_small(sys, out);
    out->quota = read_quota(sys, cgroup);
}
