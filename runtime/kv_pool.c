/* SPDX-License-Identifier: MIT
 *
 * A stack of free ids. Every id is in the stack or with one owner; giving back more than there are
 * is a bug of ours. */
#include "runtime/kv_pool.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

og_status ogi_id_pool_init(og_ctx *ctx, int64_t size, bool is_reversed, ogi_id_pool *out)
{
    *out = (ogi_id_pool){ .ctx = ctx, .n = size, .size = size };
    out->id = OGI_NEW_N(ctx, int32_t, size + 1);
    if (!out->id) return OG_E_MEMORY;
    for (int64_t i = 0; i < size; i++) out->id[i] = (int32_t)(is_reversed ? i : size - 1 - i);
    return OG_OK;
}

void ogi_id_pool_free(ogi_id_pool *p)
{
    if (p->ctx) ogi_free(p->ctx, p->id);
}

int32_t ogi_id_take(ogi_id_pool *p)
{
    return p->n ? p->id[--p->n] : -1;
}

void ogi_id_give(ogi_id_pool *p, int32_t id)
{
    OGI_ASSERT(p->n < p->size);
    p->id[p->n++] = id;
}

static bool read_number(const char *path, const char *key, int64_t *out)
{
    char line[256];
    bool found = false;
    FILE *f = fopen(path, "r");
    while (f && !found && fgets(line, sizeof line, f))
        if (!strncmp(line, key, strlen(key)))
            found = sscanf(line + strlen(key), "%" SCNd64, out) == 1;
    if (f) fclose(f);
    return found;
}

int64_t ogi_memory_available(void)
{
    int64_t most = INT64_MAX, kb = 0, limit = 0, used = 0;
    if (read_number("/proc/meminfo", "MemAvailable:", &kb)) most = kb * 1024;
    if (read_number("/sys/fs/cgroup/memory.max", "", &limit) &&
        read_number("/sys/fs/cgroup/memory.current", "", &used))
        most = OGI_MIN(most, OGI_MAX(limit - used, 0));
    return most;
}
