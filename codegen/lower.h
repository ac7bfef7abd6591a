/* SPDX-License-Identifier: MIT
 *
 * Lowering: the members of a group become one kernel-IR program over the group's iteration space.
 * Members may differ in shape as long as the space splits their axes: [T, H*D] and [T, H, D]. */
#ifndef OG_CODEGEN_LOWER_H
#define OG_CODEGEN_LOWER_H

#include "graph/plan.h"
#include "graph/space.h"

/* The program, in mem. Operands name the values; the backend binds them to memory. */
og_status ogi_lower(const ogi_lower_spec *spec, ogi_arena *mem, ogi_kprog **out);

/* Calls fn for each program of group b (group.c), what: "program", "prologue", "epilogue". The spec
 * lives through the call. Stops at the first failure. */
typedef og_status (*ogi_group_fn)(void *user, const char *what, const ogi_lower_spec *spec);
og_status ogi_group_each(const ogi_plan *p, int b, ogi_group_fn fn, void *user);

#endif
