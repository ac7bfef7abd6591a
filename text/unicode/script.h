/* SPDX-License-Identifier: MIT
 *
 * Which characters belong to which script, as ranges. */
#ifndef OG_TEXT_UNICODE_SCRIPT_H
#define OG_TEXT_UNICODE_SCRIPT_H

#include "base/buf.h"

/* A run of characters of one script. */
typedef struct ogi_script_range {
    uint32_t lo, hi;
    int script;
} ogi_script_range;

/* Runs of characters of the named script, in order; NULL: of all scripts, kana counted as Han. */
og_status ogi_script_ranges(og_ctx *ctx, const char *name, ogi_script_range **out, int64_t *n);

#endif
