/* SPDX-License-Identifier: MIT
 *
 * What tells two models apart without reading all of them. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "formats/gguf_impl.h"

static void add(XXH3_state_t *h, const void *p, int64_t n)
{
    XXH3_64bits_update(h, &n, sizeof n); /* its length first: no two lists read alike */
    if (n) XXH3_64bits_update(h, p, (size_t)n);
}

static void add_kv(XXH3_state_t *h, const ogi_gguf_kv *kv)
{
    const int64_t kind[] = { kv->type, kv->elem, kv->n };
    add(h, kv->key.p, (int64_t)kv->key.n);
    add(h, kind, sizeof kind);
    add(h, kv->data, kv->size);
}

static void add_tensor(XXH3_state_t *h, const ogi_gguf_tensor *t)
{
    const int64_t place[] = { t->type, t->rank, t->part, t->file_offset };
    add(h, t->name.p, (int64_t)t->name.n);
    add(h, place, sizeof place);
    add(h, t->dim, sizeof t->dim);
}

uint64_t ogi_gguf_fingerprint(const ogi_gguf *f)
{
    XXH3_state_t h;
    XXH3_64bits_reset(&h);
    for (int64_t i = 0; i < f->n_kv; i++) add_kv(&h, &f->kv[i]);
    for (int64_t i = 0; i < f->n_tensor; i++) add_tensor(&h, &f->tensor[i]);
    for (int64_t i = 0; i < f->n_part; i++) {
        const ogi_file_map *m = &f->part[i].map;
        if (f->part[i].is_borrowed)
            add(&h, m->data, m->size);
        else
            add(&h, (const int64_t[]){ m->size, m->modified }, 2 * sizeof(int64_t));
    }
    return XXH3_64bits_digest(&h);
}
