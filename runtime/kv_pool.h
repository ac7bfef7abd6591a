/* SPDX-License-Identifier: MIT
 *
 * Free lists of KV pages and recurrent slots: who owns which piece of the states. */
#ifndef OG_RUNTIME_KV_POOL_H
#define OG_RUNTIME_KV_POOL_H

#include "base/ctx.h"

typedef struct ogi_id_pool {
    og_ctx *ctx;
    int32_t *id; /* free ones, next at the end */
    int64_t n, size;
} ogi_id_pool;

/* Ids 0 .. size - 1, handed out rising, or falling if is_reversed. */
og_status ogi_id_pool_init(og_ctx *ctx, int64_t size, bool is_reversed, ogi_id_pool *out);
void ogi_id_pool_free(ogi_id_pool *p);
int32_t ogi_id_take(ogi_id_pool *p); /* -1: none left */
void ogi_id_give(ogi_id_pool *p, int32_t id);

/* Bytes of memory this process may still use: what the system calls available, within the limit of
 * its control group. INT64_MAX if the system does not tell. */
int64_t ogi_memory_available(void);

#endif
