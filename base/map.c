/* SPDX-License-Identifier: MIT
 *
 * Open addressing with linear steps in a table of a power of two, at most two thirds full. Nothing
 * is ever taken out, so a free slot always ends a search. */
#include "base/map.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

typedef struct ogi_map_slot {
    ogi_sv key; /* key.p == NULL: free */
    uint64_t hash;
    int64_t value;
} slot;

static slot *find(const ogi_map *m, ogi_sv key, uint64_t hash)
{
    for (uint64_t i = hash;; i++) {
        slot *s = &m->slot[i & (uint64_t)(m->n_slot - 1)];
        if (!s->key.p || (s->hash == hash && ogi_sv_eq(s->key, key))) return s;
    }
}

og_status ogi_map_reserve(ogi_map *m, int64_t n)
{
    int64_t size = 16;
    while (size < n + n / 2 + 1) size *= 2;
    if (size <= m->n_slot) return OG_OK;
    ogi_map bigger = { .ctx = m->ctx, .n = m->n, .n_slot = size };
    bigger.slot = OGI_NEW_N(m->ctx, slot, size);
    if (!bigger.slot) return OG_E_MEMORY;
    for (int64_t i = 0; i < m->n_slot; i++)
        if (m->slot[i].key.p) *find(&bigger, m->slot[i].key, m->slot[i].hash) = m->slot[i];
    ogi_free(m->ctx, m->slot);
    *m = bigger;
    return OG_OK;
}

og_status ogi_map_put(ogi_map *m, ogi_sv key, int64_t value)
{
    OG_TRY(ogi_map_reserve(m, m->n + 1));
    if (!key.p) key.p = "";
    uint64_t hash = XXH3_64bits(key.p, key.n);
    slot *s = find(m, key, hash);
    m->n += !s->key.p;
    *s = (slot){ key, hash, value };
    return OG_OK;
}

int64_t ogi_map_get(const ogi_map *m, ogi_sv key, int64_t absent)
{
    if (!m->n) return absent;
    if (!key.p) key.p = "";
    const slot *s = find(m, key, XXH3_64bits(key.p, key.n));
    return s->key.p ? s->value : absent;
}

void ogi_map_free(ogi_map *m)
{
    ogi_free(m->ctx, m->slot);
    *m = (ogi_map){ .ctx = m->ctx };
}
