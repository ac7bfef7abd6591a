/* SPDX-License-Identifier: MIT
 *
 * The file, little-endian:
 *
 *     0   8  "OGPROMPT"
 *     8   8  version of the format
 *    16   8  fingerprint of model and settings
 *    24   8  n, number of tokens
 *    32   8  bytes of states
 *    40   8  XXH3 of the 40 bytes before
 *    48  4n  tokens
 *            states: for each of them its KV pages or its slot, as they lie in memory
 *         8  XXH3 of tokens and states
 *
 * The header is checked against the model and the size of the file before anything is taken; the
 * sum at the end is checked before the sequence counts as filled. */
#include "oxigraph/prompt_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"
#include "runtime/engine.h"
#include "runtime/program.h"

enum { VERSION = 1, HEADER = 48, SUM = 8, CHUNK = 1 << 18 };
static const char magic[8] = { 'O', 'G', 'P', 'R', 'O', 'M', 'P', 'T' };

typedef struct header {
    uint64_t version, fingerprint;
    int64_t n_token, state_size;
} header;

/* A file being read or written, on its way through a buffer of CHUNK bytes. */
typedef struct transfer {
    og_ctx *ctx;
    og_model *model;
    const char *path;
    int fd;                 /* reading */
    ogi_file_writer writer; /* writing */
    unsigned char *chunk;
    XXH3_state_t sum;
    int64_t done, size; /* bytes of tokens and states */
    og_progress_fn progress;
    void *user;
} transfer;

static void put64(unsigned char *p, uint64_t v)
{
    for (int i = 0; i < 8; i++) p[i] = (unsigned char)(v >> 8 * i);
}

static uint64_t get64(const unsigned char *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v |= (uint64_t)p[i] << 8 * i;
    return v;
}

/* Counts n bytes that have come through the buffer. */
static og_status pass(transfer *t, int64_t n)
{
    XXH3_64bits_update(&t->sum, t->chunk, (size_t)n);
    t->done += n;
    if (t->progress && !t->progress(t->user, (double)t->done / (double)t->size))
        OG_FAIL(t->ctx, OG_E_CANCELLED, "%s: cancelled", t->path);
    return OG_OK;
}

static og_status begin(transfer *t, og_sequence *seq, const char *path, og_progress_fn progress,
                       void *user)
{
    og_model *m = ogi_sequence_model(seq);
    *t = (transfer){ .ctx = ogi_model_ctx(m), .model = m, .path = path, .fd = -1 };
    t->writer.fd = -1;
    t->progress = progress, t->user = user;
    XXH3_64bits_reset(&t->sum);
    og_model_info info;
    og_model_get_info(m, &info);
    if (info.has_encoder)
        OG_FAIL(t->ctx, OG_E_UNSUPPORTED, "prompt caches do not hold what an encoder has read");
    t->chunk = ogi_alloc(t->ctx, CHUNK, 1);
    return t->chunk ? OG_OK : OG_E_MEMORY;
}

static og_status header_of(og_model *m, int64_t n_token, header *out)
{
    *out = (header){ .version = VERSION, .n_token = n_token };
    out->state_size = ogi_model_state_size(m, n_token);
    return ogi_model_fingerprint(m, &out->fingerprint);
}

/* ---- saving -------------------------------------------------------------------------------- */

static og_status put_header(transfer *t, const header *h)
{
    unsigned char b[HEADER];
    memcpy(b, magic, sizeof magic);
    put64(b + 8, h->version);
    put64(b + 16, h->fingerprint);
    put64(b + 24, (uint64_t)h->n_token);
    put64(b + 32, (uint64_t)h->state_size);
    put64(b + 40, XXH3_64bits(b, 40));
    return ogi_file_put(&t->writer, b, sizeof b);
}

static og_status put_tokens(transfer *t, const int32_t *token, int64_t n)
{
    for (int64_t at = 0; at < n;) {
        int64_t k = OGI_MIN(n - at, CHUNK / 4);
        for (int64_t i = 0; i < k; i++)
            for (int b = 0; b < 4; b++)
                t->chunk[4 * i + b] = (unsigned char)((uint32_t)token[at + i] >> 8 * b);
        OG_TRY(ogi_file_put(&t->writer, t->chunk, (size_t)k * 4));
        OG_TRY(pass(t, k * 4));
        at += k;
    }
    return OG_OK;
}

static og_status put_piece(void *user, void *mem, int64_t size)
{
    transfer *t = user;
    const og_device *d = ogi_model_device(t->model);
    for (int64_t at = 0; at < size;) {
        int64_t n = OGI_MIN(size - at, CHUNK);
        ogi_device_backend(d)->copy_out(ogi_device_inner(d), t->chunk, (char *)mem + at, n);
        OG_TRY(ogi_file_put(&t->writer, t->chunk, (size_t)n));
        OG_TRY(pass(t, n));
        at += n;
    }
    return OG_OK;
}

static og_status save(transfer *t, og_sequence *seq, const int32_t *token, int64_t n)
{
    header h;
    unsigned char sum[SUM];
    OG_TRY(header_of(t->model, n, &h));
    t->size = h.n_token * 4 + h.state_size;
    OG_TRY(ogi_file_begin(t->ctx, t->path, 0600, &t->writer));
    OG_TRY(put_header(t, &h));
    OG_TRY(put_tokens(t, token, n));
    OG_TRY(ogi_sequence_pieces(seq, n, put_piece, t));
    put64(sum, XXH3_64bits_digest(&t->sum));
    OG_TRY(ogi_file_put(&t->writer, sum, sizeof sum));
    return ogi_file_commit(&t->writer);
}

/* ---- loading ------------------------------------------------------------------------------- */

static og_status get(transfer *t, void *to, int64_t n)
{
    for (char *p = to; n;) {
        ssize_t got = read(t->fd, p, (size_t)n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) OG_FAIL(t->ctx, OG_E_IO, "%s: %s", t->path, strerror(errno));
        if (!got) OG_FAIL(t->ctx, OG_E_INVALID, "%s: the prompt cache is cut off", t->path);
        p += got, n -= got;
    }
    return OG_OK;
}

/* Opens the file, at its beginning; *size of it. An empty one is a prompt cache cut off. */
static og_status open_cache(transfer *t, int64_t *size)
{
    struct stat st;
    char first[sizeof magic];
    t->fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (t->fd < 0)
        OG_FAIL(t->ctx, errno == ENOENT ? OG_E_NOT_FOUND : OG_E_IO, "%s: %s", t->path,
                strerror(errno));
    if (fstat(t->fd, &st)) OG_FAIL(t->ctx, OG_E_IO, "%s: %s", t->path, strerror(errno));
    int64_t n = OGI_MIN((int64_t)st.st_size, (int64_t)sizeof first);
    if (S_ISREG(st.st_mode)) OG_TRY(get(t, first, n));
    if (!S_ISREG(st.st_mode) || memcmp(first, magic, (size_t)n) != 0)
        OG_FAIL(t->ctx, OG_E_FORMAT, "%s: is not a prompt cache; it is left as it is", t->path);
    *size = st.st_size;
    return OG_OK;
}

static og_status get_header(transfer *t, int64_t size, header *h)
{
    unsigned char b[HEADER];
    memcpy(b, magic, sizeof magic);
    if (size < HEADER) OG_FAIL(t->ctx, OG_E_INVALID, "%s: the prompt cache is cut off", t->path);
    OG_TRY(get(t, b + sizeof magic, HEADER - (int64_t)sizeof magic));
    if (get64(b + 40) != XXH3_64bits(b, 40))
        OG_FAIL(t->ctx, OG_E_INVALID, "%s: the prompt cache is damaged in its header", t->path);
    *h = (header){ get64(b + 8), get64(b + 16), (int64_t)get64(b + 24), (int64_t)get64(b + 32) };
    return OG_OK;
}

static og_status check_header(const transfer *t, int64_t size, const header *h)
{
    og_model_info info;
    header own;
    og_model_get_info(t->model, &info);
    if (h->version != VERSION)
        OG_FAIL(t->ctx, OG_E_INVALID, "%s: a prompt cache of version %llu, expected %d", t->path,
                (unsigned long long)h->version, VERSION);
    if (h->n_token < 0 || h->n_token > INT32_MAX)
        OG_FAIL(t->ctx, OG_E_INVALID, "%s: a prompt cache of %lld tokens", t->path,
                (long long)h->n_token);
    OG_TRY(header_of(t->model, h->n_token, &own));
    if (h->fingerprint != own.fingerprint)
        OG_FAIL(t->ctx, OG_E_INVALID,
                "%s: a prompt cache of another model, of a changed file, or of other settings "
                "(--kv, --isa, --override-kv)",
                t->path);
    if (h->n_token > info.n_ctx)
        OG_FAIL(t->ctx, OG_E_LIMIT, "%s: a prompt cache of %lld tokens, the context holds %lld",
                t->path, (long long)h->n_token, (long long)info.n_ctx);
    if (h->state_size != own.state_size || size != HEADER + h->n_token * 4 + h->state_size + SUM)
        OG_FAIL(t->ctx, OG_E_INVALID, "%s: the prompt cache is cut off or damaged", t->path);
    return OG_OK;
}

static og_status get_tokens(transfer *t, int64_t n, og_tokens *out)
{
    int64_t n_vocab = ogi_model_vocab_size(t->model);
    OG_TRY(ogi_grow(t->ctx, &out->id, &out->cap, n, sizeof *out->id));
    while (out->n < n) {
        int64_t k = OGI_MIN(n - out->n, CHUNK / 4);
        OG_TRY(get(t, t->chunk, k * 4));
        OG_TRY(pass(t, k * 4));
        for (const unsigned char *p = t->chunk; p < t->chunk + 4 * k; p += 4) {
            uint32_t id =
                (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
            if (id >= n_vocab)
                OG_FAIL(t->ctx, OG_E_INVALID, "%s: the prompt cache is damaged: token %u of %lld",
                        t->path, id, (long long)n_vocab);
            out->id[out->n++] = (int32_t)id;
        }
    }
    return OG_OK;
}

static og_status get_piece(void *user, void *mem, int64_t size)
{
    transfer *t = user;
    const og_device *d = ogi_model_device(t->model);
    for (int64_t at = 0; at < size;) {
        int64_t n = OGI_MIN(size - at, CHUNK);
        OG_TRY(get(t, t->chunk, n));
        OG_TRY(pass(t, n));
        ogi_device_backend(d)->copy_in(ogi_device_inner(d), (char *)mem + at, t->chunk, n);
        at += n;
    }
    return OG_OK;
}

static og_status load(transfer *t, og_sequence *seq, og_tokens *tokens)
{
    header h = { 0 };
    int64_t size;
    unsigned char sum[SUM];
    if (og_sequence_length(seq) != 0)
        OG_FAIL(t->ctx, OG_E_INVALID, "a prompt cache is loaded into an empty sequence only");
    OG_TRY(open_cache(t, &size));
    OG_TRY(get_header(t, size, &h));
    OG_TRY(check_header(t, size, &h));
    t->size = h.n_token * 4 + h.state_size;
    OG_TRY(get_tokens(t, h.n_token, tokens));
    OG_TRY(ogi_sequence_pieces(seq, h.n_token, get_piece, t));
    OG_TRY(get(t, sum, SUM));
    if (get64(sum) != XXH3_64bits_digest(&t->sum))
        OG_FAIL(t->ctx, OG_E_INVALID, "%s: the prompt cache is damaged", t->path);
    return OG_OK;
}

og_status og_prompt_cache_load(og_sequence *seq, const char *path, og_tokens *tokens,
                               og_progress_fn progress, void *user)
{
    transfer t;
    OGI_NEEDS(seq ? ogi_model_ctx(ogi_sequence_model(seq)) : NULL, seq && path && tokens);
    tokens->n = 0;
    og_status st = begin(&t, seq, path, progress, user);
    bool was_empty = og_sequence_length(seq) == 0;
    if (st == OG_OK) st = load(&t, seq, tokens);
    if (st != OG_OK) {
        tokens->n = 0;
        if (was_empty) og_sequence_truncate(seq, 0);
    }
    if (t.fd >= 0) close(t.fd);
    ogi_free(t.ctx, t.chunk);
    return st;
}

og_status og_prompt_cache_save(og_sequence *seq, const int32_t *token, int64_t n, const char *path,
                               og_progress_fn progress, void *user)
{
    transfer t;
    int64_t size;
    OGI_NEEDS(seq ? ogi_model_ctx(ogi_sequence_model(seq)) : NULL, seq && path && (token || !n));
    og_status st = begin(&t, seq, path, progress, user);
    if (st == OG_OK && n != og_sequence_length(seq))
        st = ogi_fail(t.ctx, OG_E_INVALID, __FILE__, __LINE__,
                      "a prompt cache of %lld tokens, but the sequence holds %lld", (long long)n,
                      (long long)og_sequence_length(seq));
    if (st == OG_OK) st = open_cache(&t, &size);
    if (st == OG_E_NOT_FOUND) {
        og_error_clear(t.ctx);
        st = OG_OK;
    }
    if (t.fd >= 0) close(t.fd);
    if (st == OG_OK) st = save(&t, seq, token, n);
    ogi_file_discard(&t.writer);
    ogi_free(t.ctx, t.chunk);
    return st;
}
