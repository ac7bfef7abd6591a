/* SPDX-License-Identifier: MIT
 *
 * Programs and devices from inside the runtime: their plans and backends. */
#ifndef OG_RUNTIME_PROGRAM_H
#define OG_RUNTIME_PROGRAM_H

#include "backends/backend.h"

const ogi_plan *ogi_program_plan(const og_program *p, int i); /* NULL behind the last */
/* From now on every run of plan i adds to *out; NULL: no more. */
og_status ogi_program_profile(const og_program *p, int i, ogi_profile *out);
/* Runs p watched: *found is the first node whose stored value holds a NaN or an infinity, in the
 * order of execution; NULL: there is none. Stores and states are written as in any run. */
og_status ogi_program_watch(og_program *p, const int64_t *sym, const og_tensor **found);
const ogi_backend *ogi_device_backend(const og_device *d);
ogi_device *ogi_device_inner(const og_device *d);

#endif
