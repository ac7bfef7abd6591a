/* SPDX-License-Identifier: MIT
 *
 * Hash map from byte strings to int64 (XXH3, open addressing). Keys are borrowed: they must
 * outlive the map. */
#ifndef OG_BASE_MAP_H
#define OG_BASE_MAP_H

#include "base/buf.h"

typedef struct ogi_map {
    og_ctx *ctx;
    struct ogi_map_slot *slot;
    int64_t n, n_slot;
} ogi_map;

og_status ogi_map_reserve(ogi_map *m, int64_t n);
/* Sets key to value; an existing key is overwritten. */
og_status ogi_map_put(ogi_map *m, ogi_sv key, int64_t value);
/* The value, or absent if there is none. */
int64_t ogi_map_get(const ogi_map *m, ogi_sv key, int64_t absent);
void ogi_map_free(ogi_map *m);

#endif
