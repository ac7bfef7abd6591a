/* SPDX-License-Identifier: MIT
 *
 * Where threads go on machines that are not here. A machine is a few lines of text: lists of
 * processors, their cores, package, node and kind. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cpus.h"

/* "cpu LIST core LIST package P node N [small]" a line; lists of one length. */
static ogi_cpus *machine(const char *text)
{
    ogi_cpus *c = calloc(1, sizeof *c);
    int16_t cpu[OGI_MAX_CPU], core[OGI_MAX_CPU];
    char a[64], b[64], kind[16];
    for (const char *p = text; *p; p = strchr(p, '\n') + 1) {
        int package, node;
        char line[256];
        snprintf(line, sizeof line, "%.*s", (int)strcspn(p, "\n"), p);
        int got = sscanf(line, "cpu %63s core %63s package %d node %d %15[a-z]", a, b, &package,
                         &node, kind);
        int n = ogi_cpus_parse_list(a, cpu, OGI_MAX_CPU);
        cr_assert(got >= 4 && n == ogi_cpus_parse_list(b, core, OGI_MAX_CPU), "%s", p);
        for (int i = 0; i < n; i++)
            c->cpu[c->n++] =
                (ogi_cpu){ cpu[i], core[i], (int16_t)package, (int16_t)node, got == 5 };
    }
    return c;
}

static void expect_place(const ogi_cpus *c, const int *want, int n)
{
    int *place = calloc((size_t)n, sizeof *place);
    ogi_cpus_place(c, n, place);
    for (int t = 0; t < n; t++)
        cr_assert_eq(c->cpu[place[t]].id, want[t], "thread %d is on %d, expected %d", t,
                     c->cpu[place[t]].id, want[t]);
    free(place);
}

/* 6 large cores with 2 threads each, 8 small ones. */
Test(cpus, hybrid_laptop)
{
    ogi_cpus *c = machine("cpu 0,2,4,6,8,10 core 0,4,8,12,16,20 package 0 node 0\n"
                          "cpu 1,3,5,7,9,11 core 0,4,8,12,16,20 package 0 node 0\n"
                          "cpu 12-19 core 24-31 package 0 node 0 small\n");
    const int want[] = { 0, 2, 4, 6, 8, 10, 12, 13, 14, 15, 16, 17, 18, 19, 1, 3, 5, 7, 9, 11, 0 };
    cr_assert_eq(ogi_cpus_default_threads(c), 6);
    cr_assert_eq(ogi_cpus_cores(c), 14);
    expect_place(c, want, OGI_LEN(want));
    c->quota = 4;
    cr_assert_eq(ogi_cpus_default_threads(c), 4);
    free(c);
}

Test(cpus, second_threads_of_cores_come_last)
{
    ogi_cpus *c = machine("cpu 0-3 core 0-3 package 0 node 0\ncpu 4-7 core 0-3 package 0 node 0\n");
    const int want[] = { 0, 1, 2, 3, 4, 5, 6, 7, 0, 1 };
    cr_assert_eq(ogi_cpus_default_threads(c), 4);
    expect_place(c, want, OGI_LEN(want));
    free(c);
}

/* Core numbers repeat in each package. */
Test(cpus, dual_socket_of_128_cores)
{
    ogi_cpus *c = machine("cpu 0-63 core 0-63 package 0 node 0\n"
                          "cpu 64-127 core 0-63 package 1 node 1\n"
                          "cpu 128-191 core 0-63 package 0 node 0\n"
                          "cpu 192-255 core 0-63 package 1 node 1\n");
    int want[256];
    for (int i = 0; i < 256; i++) want[i] = i;
    cr_assert_eq(ogi_cpus_default_threads(c), 128);
    expect_place(c, want, 256);
    free(c);
}

/* A container that may use both threads of two cores, and one of a third. */
Test(cpus, affinity_that_cuts_through_cores)
{
    ogi_cpus *c =
        machine("cpu 2-4 core 2-4 package 0 node 0\ncpu 10-11 core 2-3 package 0 node 0\n");
    const int want[] = { 2, 3, 4, 10, 11, 2 };
    cr_assert_eq(ogi_cpus_default_threads(c), 3);
    expect_place(c, want, OGI_LEN(want));
    free(c);
}

Test(cpus, only_small_cores_still_give_a_thread)
{
    ogi_cpus *c = machine("cpu 0-1 core 0-1 package 0 node 0 small\n");
    cr_assert_eq(ogi_cpus_default_threads(c), 1);
    free(c);
    c = calloc(1, sizeof *c);
    cr_assert_eq(ogi_cpus_default_threads(c), 1, "nothing could be read");
    free(c);
}

/* ---- sysfs --------------------------------------------------------------------------------- */

static char root[] = "/tmp/og_cpus_XXXXXX";

static void put(const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *p = full + sizeof root; (p = strchr(p, '/')); p++) {
        *p = 0;
        mkdir(full, 0700);
        *p = '/';
    }
    FILE *f = fopen(full, "w");
    cr_assert(f != NULL, "%s", full);
    fprintf(f, "%s\n", text);
    fclose(f);
}

Test(cpus, read_from_a_recorded_tree)
{
    cr_assert(mkdtemp(root) != NULL);
    put("devices/system/cpu/online", "0-3");
    for (int i = 0; i < 4; i++) {
        char path[128], number[8];
        snprintf(path, sizeof path, "devices/system/cpu/cpu%d/topology/core_id", i);
        snprintf(number, sizeof number, "%d", i / 2);
        put(path, number);
        snprintf(path, sizeof path, "devices/system/cpu/cpu%d/cpu_capacity", i);
        put(path, i < 2 ? "1024" : "400");
    }
    put("devices/system/node/online", "0-1");
    put("devices/system/node/node1/cpulist", "2-3");
    put("cgroup", "0::/a/b");
    put("fs/cgroup/a/b/cpu.max", "max 100000");
    put("fs/cgroup/a/cpu.max", "250000 100000");
    char cgroup[64], remove[64];
    snprintf(cgroup, sizeof cgroup, "%s/cgroup", root);
    ogi_cpus *c = calloc(1, sizeof *c);
    ogi_cpus_read(root, cgroup, true, c);
    cr_assert_eq(c->n, 4);
    cr_assert(c->cpu[1].core == 0 && c->cpu[2].core == 1 && c->cpu[1].node == 0);
    cr_assert(c->cpu[3].node == 1 && c->cpu[3].is_small && !c->cpu[0].is_small);
    cr_assert_eq(c->quota, 3, "the group above allows 2.5 processors");
    free(c);
    snprintf(remove, sizeof remove, "rm -r %s", root);
    cr_assert_eq(system(remove), 0);
}

Test(cpus, lists_are_ranges_and_numbers)
{
    int16_t list[8];
    cr_assert_eq(ogi_cpus_parse_list("0-2,7,9-10", list, 8), 6);
    cr_assert(list[0] == 0 && list[2] == 2 && list[3] == 7 && list[5] == 10);
    cr_assert_eq(ogi_cpus_parse_list("", list, 8), 0);
    cr_assert_eq(ogi_cpus_parse_list("0-99", list, 8), 8);
}
