/* SPDX-License-Identifier: MIT
 *
 * Programs and devices from inside the runtime: their plans and backends. */
#ifndef OG_RUNTIME_PROGRAM_H
#define OG_RUNTIME_PROGRAM_H

#include "backends/backend.h"

const ogi_plan *ogi_program_plan(const og_program *p, int i); /* NULL behind the last */
/* Adds the time of each group of plan i to seconds[group] in every run; NULL: no more. */
void ogi_program_profile(const og_program *p, int i, double *seconds);
const ogi_backend *ogi_device_backend(const og_device *d);
ogi_device *ogi_device_inner(const og_device *d);

#endif
