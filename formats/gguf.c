/* SPDX-License-Identifier: MIT
 *
 * Opening of GGUF files: maps the parts, has each parsed (gguf_parse.c), applies overrides. */
#include <stdio.h>

#include "formats/gguf_impl.h"

enum { MAX_PART = 9999 };

static void drop_parts(ogi_gguf *f)
{
    for (int64_t i = 0; i < f->n_part; i++)
        if (!f->part[i].is_borrowed) ogi_file_map_close(&f->part[i].map);
    f->n_part = 0;
}

static void free_tables(ogi_gguf *f)
{
    ogi_map_free(&f->kv_index);
    ogi_map_free(&f->tensor_index);
    ogi_free(f->ctx, f->kv);
    ogi_free(f->ctx, f->tensor);
    f->kv = NULL, f->tensor = NULL;
    f->n_kv = f->kv_cap = f->n_tensor = f->tensor_cap = 0;
}

static og_status add_part(ogi_gguf *f, ogi_sv path)
{
    OG_TRY(ogi_grow(f->ctx, &f->part, &f->part_cap, f->n_part + 1, sizeof *f->part));
    ogi_gguf_part *p = &f->part[f->n_part];
    *p = (ogi_gguf_part){ .path = ogi_arena_strndup(&f->arena, path.p, path.n) };
    if (!p->path) return OG_E_MEMORY;
    OG_TRY(ogi_file_map_open(f->ctx, p->path, &p->map));
    f->n_part++;
    return OG_OK;
}

/* Which part of how many the keys belong to; 0 of 1 without split keys. */
static og_status split_place(const ogi_gguf *keys, int64_t *no, int64_t *count)
{
    *no = 0, *count = 1;
    OG_TRY(ogi_gguf_int(keys, "split.no", no));
    OG_TRY(ogi_gguf_int(keys, "split.count", count));
    if (*count == 0) *count = 1;
    if (*count < 0 || *count > MAX_PART || *no < 0 || *no >= *count)
        OG_FAIL(keys->ctx, OG_E_FORMAT,
                "%s: split.no is %lld and split.count %lld, expected a part of at most %d",
                ogi_gguf_path(keys), (long long)*no, (long long)*count, MAX_PART);
    return OG_OK;
}

/* "-00002-of-00003.gguf" for part no = 1 of 3. */
static ogi_sv split_suffix(char buf[static 48], int64_t no, int64_t count)
{
    int n = snprintf(buf, 48, "-%05d-of-%05d.gguf", (int)no + 1, (int)count);
    return (ogi_sv){ buf, (size_t)n };
}

static og_status add_split_part(ogi_gguf *f, ogi_sv prefix, int64_t no, int64_t count)
{
    char buf[48];
    ogi_sv suffix = split_suffix(buf, no, count);
    ogi_buf path = { .ctx = f->ctx };
    ogi_buf_add(&path, prefix.p, prefix.n);
    ogi_buf_add(&path, suffix.p, suffix.n);
    og_status status = path.failed ? OG_E_MEMORY : add_part(f, (ogi_sv){ path.p, path.n });
    ogi_buf_free(&path);
    return status;
}

/* Reads part no, whose keys go into keys, and checks that it is that part. */
static og_status read_split_part(ogi_gguf *f, int64_t no, int64_t count, ogi_gguf *keys)
{
    int64_t no_is, count_is;
    OG_TRY(ogi_gguf_read_part(f, (int)no, keys));
    OG_TRY(split_place(keys, &no_is, &count_is));
    if (no_is != no || count_is != count)
        OG_FAIL(f->ctx, OG_E_FORMAT,
                "%s: is part %lld of %lld of a split file, expected %lld of %lld",
                ogi_gguf_path(keys), (long long)no_is + 1, (long long)count_is, (long long)no + 1,
                (long long)count);
    return OG_OK;
}

/* f holds one part of a split file; afterwards all of them, in order, under the first one's keys.
 */
static og_status open_split(ogi_gguf *f, int64_t no, int64_t count)
{
    char buf[48];
    ogi_sv own = split_suffix(buf, no, count), path = ogi_sv_of(f->part[0].path);
    if (path.n < own.n || memcmp(path.p + path.n - own.n, own.p, own.n) != 0)
        OG_FAIL(f->ctx, OG_E_FORMAT,
                "%s: is part %lld of %lld of a split file, its name must end in %s", path.p,
                (long long)no + 1, (long long)count, own.p);
    ogi_sv prefix = { path.p, path.n - own.n };
    if (no != 0) {
        drop_parts(f);
        free_tables(f);
        OG_TRY(add_split_part(f, prefix, 0, count));
        OG_TRY(read_split_part(f, 0, count, f));
    }
    for (int64_t i = 1; i < count; i++) {
        OG_TRY(add_split_part(f, prefix, i, count));
        ogi_gguf keys = { .ctx = f->ctx, .part = &f->part[i], .kv_index.ctx = f->ctx };
        og_status status = read_split_part(f, i, count, &keys);
        free_tables(&keys);
        OG_TRY(status);
    }
    int64_t n_tensor = f->n_tensor;
    OG_TRY(ogi_gguf_int(f, "split.tensors.count", &n_tensor));
    if (n_tensor != f->n_tensor)
        OG_FAIL(f->ctx, OG_E_FORMAT,
                "%s: split.tensors.count is %lld, but the %lld parts have %lld", ogi_gguf_path(f),
                (long long)n_tensor, (long long)count, (long long)f->n_tensor);
    return OG_OK;
}

static ogi_gguf *new_file(og_ctx *ctx)
{
    ogi_gguf *f = OGI_NEW(ctx, ogi_gguf);
    if (!f) return NULL;
    f->ctx = f->arena.ctx = f->kv_index.ctx = f->tensor_index.ctx = ctx;
    return f;
}

static og_status open_path(ogi_gguf *f, const char *path)
{
    int64_t no, count;
    OG_TRY(add_part(f, ogi_sv_of(path)));
    OG_TRY(ogi_gguf_read_part(f, 0, f));
    OG_TRY(split_place(f, &no, &count));
    return count > 1 ? open_split(f, no, count) : OG_OK;
}

static og_status open_bytes(ogi_gguf *f, const char *name, const void *data, int64_t size)
{
    int64_t no, count;
    OG_TRY(ogi_grow(f->ctx, &f->part, &f->part_cap, 1, sizeof *f->part));
    f->part[0] = (ogi_gguf_part){ .map = { .data = data, .size = size }, .is_borrowed = true };
    f->part[0].path = ogi_arena_strndup(&f->arena, name, strlen(name));
    if (!f->part[0].path) return OG_E_MEMORY;
    f->n_part = 1;
    OG_TRY(ogi_gguf_read_part(f, 0, f));
    OG_TRY(split_place(f, &no, &count));
    if (count > 1)
        OG_FAIL(f->ctx, OG_E_UNSUPPORTED,
                "%s: is part %lld of %lld of a split file, which only opens from disk", name,
                (long long)no + 1, (long long)count);
    return OG_OK;
}

static og_status finish(ogi_gguf *f, og_status status, const char *const *override, int n_override,
                        ogi_gguf **out)
{
    for (int i = 0; i < n_override && status == OG_OK; i++)
        status = ogi_gguf_override(f, override[i]);
    if (status == OG_OK)
        *out = f;
    else
        ogi_gguf_close(f);
    return status;
}

og_status ogi_gguf_open(og_ctx *ctx, const char *path, const char *const *override, int n_override,
                        ogi_gguf **out)
{
    *out = NULL;
    ogi_gguf *f = new_file(ctx);
    if (!f) return OG_E_MEMORY;
    return finish(f, open_path(f, path), override, n_override, out);
}

og_status ogi_gguf_open_memory(og_ctx *ctx, const char *name, const void *data, int64_t size,
                               const char *const *override, int n_override, ogi_gguf **out)
{
    *out = NULL;
    ogi_gguf *f = new_file(ctx);
    if (!f) return OG_E_MEMORY;
    return finish(f, open_bytes(f, name, data, size), override, n_override, out);
}

void ogi_gguf_close(ogi_gguf *f)
{
    if (!f) return;
    drop_parts(f);
    free_tables(f);
    ogi_free(f->ctx, f->part);
    ogi_arena_free(&f->arena);
    ogi_free(f->ctx, f);
}

const char *ogi_gguf_path(const ogi_gguf *f)
{
    return f->part[0].path;
}

const char *ogi_gguf_part_path(const ogi_gguf *f, int i)
{
    return i < f->n_part ? f->part[i].path : NULL;
}
int ogi_gguf_version(const ogi_gguf *f)
{
    return f->version;
}
int64_t ogi_gguf_kv_count(const ogi_gguf *f)
{
    return f->n_kv;
}
int64_t ogi_gguf_tensor_count(const ogi_gguf *f)
{
    return f->n_tensor;
}
const ogi_gguf_kv *ogi_gguf_kv_at(const ogi_gguf *f, int64_t i)
{
    return &f->kv[i];
}
const ogi_gguf_tensor *ogi_gguf_tensor_at(const ogi_gguf *f, int64_t i)
{
    return &f->tensor[i];
}

int64_t ogi_gguf_size(const ogi_gguf *f)
{
    int64_t size = 0;
    for (int64_t i = 0; i < f->n_part; i++) size += f->part[i].map.size;
    return size;
}

const ogi_gguf_kv *ogi_gguf_find(const ogi_gguf *f, const char *key)
{
    int64_t i = ogi_map_get(&f->kv_index, ogi_sv_of(key), -1);
    return i < 0 ? NULL : &f->kv[i];
}

const ogi_gguf_tensor *ogi_gguf_tensor_find(const ogi_gguf *f, ogi_sv name)
{
    int64_t i = ogi_map_get(&f->tensor_index, name, -1);
    return i < 0 ? NULL : &f->tensor[i];
}

/* ---- into memory --------------------------------------------------------------------------- */

typedef struct loading {
    const ogi_gguf_load_options *opt;
    int64_t before, size, total; /* bytes: of the parts done, of this one, of all */
} loading;

static bool report(void *user, double done)
{
    const loading *l = user;
    double bytes = (double)l->before + done * (double)l->size;
    return !l->opt->progress || l->opt->progress(l->opt->user, bytes / (double)l->total);
}

static void lock_part(ogi_gguf *f, const ogi_gguf_part *p)
{
    int err = ogi_file_map_lock(&p->map);
    if (err)
        ogi_log(f->ctx, OG_LOG_WARN, "%s: cannot lock %lld bytes in memory: %s (see ulimit -l)",
                p->path, (long long)p->map.size, strerror(err));
}

og_status ogi_gguf_load(ogi_gguf *f, int64_t most, const ogi_gguf_load_options *opt)
{
    loading l = { .opt = opt };
    for (int64_t i = 0; i < f->n_part; i++)
        if (!f->part[i].is_borrowed) l.total += f->part[i].map.size;
    if (l.total > most && !opt->is_copied && !opt->is_locked) return OG_OK;
    for (int64_t i = 0; i < f->n_part; i++) {
        ogi_gguf_part *p = &f->part[i];
        if (p->is_borrowed) continue;
        l.size = p->map.size;
        og_status s = opt->is_copied ? ogi_file_map_copy(f->ctx, &p->map, report, &l)
                                     : ogi_file_map_fetch(&p->map, report, &l);
        if (s != OG_OK) return s;
        if (opt->is_locked) lock_part(f, p);
        l.before += l.size;
    }
    return OG_OK;
}
