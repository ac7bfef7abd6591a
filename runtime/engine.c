/* SPDX-License-Identifier: MIT
 *
 * The engine: a model's programs over its mapped weights, its KV pages and sequences, and the loop
 * that turns feeds into steps. After load a step allocates nothing. */
#include "oxigraph/model.h"

#include <xxhash.h>

#include "graph/dtype.h"
#include "models/model.h"
#include "runtime/engine.h"
#include "runtime/kv_pool.h"
#include "runtime/program.h"

enum { MAX_BESIDE = 1024 /* sequences alive at once */, COPY_CHUNK = 256 << 10 };

struct og_sequence {
    og_model *m;
    og_sequence *next; /* all sequences of the model */
    int32_t *page;     /* n_page owned of n_ctx / 64 */
    int64_t n_page, length;
    int32_t slot; /* recurrent slot, -1: the model has none */
};

/* The step's inputs, in host memory that the programs are bound to. */
typedef struct step_inputs {
    int32_t token[OGI_STEP_TOKENS], pos[OGI_STEP_TOKENS], kv_slot[OGI_STEP_TOKENS];
    int32_t seq_start[OGI_STEP_SEQS + 1], kv_len[OGI_STEP_SEQS], state_slot[OGI_STEP_SEQS];
    int32_t out_row[OGI_HEAD_ROWS];
    int32_t *page_table; /* [S, P] */
} step_inputs;

struct og_model {
    og_ctx *ctx;
    ogi_gguf *file;
    ogi_model *model;
    og_device *device;
    og_program *step, *head;
    void **state; /* device memory of each state */
    int64_t kv_size, weight_size;
    int64_t n_ctx, pages_per_seq, n_page, n_slot;
    int batch;
    ogi_id_pool page, slot;
    og_sequence *seqs;
    step_inputs *in;
    const void *hidden;   /* where head was bound to last */
    uint64_t passes;      /* a hash of the passes left out */
    uint64_t fingerprint; /* 0: not computed yet */
};

/* ---- load ---------------------------------------------------------------------------------- */

/* Bytes of all states for `n_ctx` tokens a sequence. */
static int64_t states_size(const og_model *m, int64_t n_ctx, int64_t n_seq)
{
    int64_t pages = (n_ctx + OGI_PAGE - 1) / OGI_PAGE * n_seq, sum = 0, part;
    for (int i = 0; i < m->model->n_state; i++) {
        const ogi_state_info *s = &m->model->state[i];
        if (!ogi_mul_size(s->unit_size, s->is_paged ? pages : n_seq, &part) ||
            !ogi_add_size(sum, part, &sum))
            return INT64_MAX;
    }
    return sum;
}

static og_status check_memory(og_model *m, int64_t n_seq)
{
    int64_t have = ogi_memory_available(), need = states_size(m, m->n_ctx, n_seq);
    if (need <= have) return OG_OK;
    int64_t fits = 0;
    for (int64_t step = (int64_t)1 << 40; step >= OGI_PAGE; step /= 2)
        if (fits + step < m->n_ctx && states_size(m, fits + step, n_seq) <= have / 10 * 9)
            fits += step;
    OG_FAIL(m->ctx, OG_E_LIMIT,
            "%s: keys and values of %lld tokens need %.1f GB, %.1f GB are free; -c %lld fits",
            ogi_gguf_path(m->file), (long long)m->n_ctx, (double)need / 1e9, (double)have / 1e9,
            (long long)fits);
}

static og_status alloc_states(og_model *m)
{
    const ogi_backend *b = ogi_device_backend(m->device);
    m->state = OGI_NEW_N(m->ctx, void *, m->model->n_state + 1);
    if (!m->state) return OG_E_MEMORY;
    for (int i = 0; i < m->model->n_state; i++) {
        const ogi_state_info *s = &m->model->state[i];
        int64_t size = s->unit_size * (s->is_paged ? m->n_page : m->n_slot);
        OG_TRY(b->alloc(ogi_device_inner(m->device), OGI_MAX(size, 64), &m->state[i]));
        og_status st = og_program_bind(m->step, s->name, m->state[i], size);
        if (st != OG_OK && st != OG_E_NOT_FOUND) return st;
    }
    return OG_OK;
}

static og_status bind_weights(og_model *m)
{
    for (int i = 0; i < m->model->n_weight; i++) {
        const ogi_binding *w = &m->model->weight[i];
        void *data = (void *)(uintptr_t)w->data; /* weights are only read */
        og_status a = og_program_bind(m->step, w->name, data, w->size);
        og_status b = og_program_bind(m->head, w->name, data, w->size);
        if (a != OG_OK && a != OG_E_NOT_FOUND) return a;
        if (b != OG_OK && b != OG_E_NOT_FOUND) return b;
        m->weight_size += w->size;
    }
    return OG_OK;
}

static og_status bind_inputs(og_model *m)
{
    step_inputs *in = m->in = OGI_NEW(m->ctx, step_inputs);
    if (!in) return OG_E_MEMORY;
    int64_t table = OGI_STEP_SEQS * m->pages_per_seq;
    in->page_table = OGI_NEW_N(m->ctx, int32_t, table + 1);
    if (!in->page_table) return OG_E_MEMORY;
    const struct {
        const char *name;
        void *data;
        int64_t size;
    } input[] = {
        { "token", in->token, sizeof in->token },
        { "pos", in->pos, sizeof in->pos },
        { "kv_slot", in->kv_slot, sizeof in->kv_slot },
        { "seq_start", in->seq_start, sizeof in->seq_start },
        { "kv_len", in->kv_len, sizeof in->kv_len },
        { "state_slot", in->state_slot, sizeof in->state_slot },
        { "page_table", in->page_table, table * (int64_t)sizeof(int32_t) },
    };
    for (int i = 0; i < OGI_LEN(input); i++) {
        og_status st = og_program_bind(m->step, input[i].name, input[i].data, input[i].size);
        if (st != OG_OK && st != OG_E_NOT_FOUND) return st;
    }
    return og_program_bind(m->head, "out_row", in->out_row, sizeof in->out_row);
}

static bool progress(const og_model_options *o, double done)
{
    return !o->progress || o->progress(o->user, done);
}

static og_status compile_model(og_model *m, const og_model_options *o)
{
    static const int64_t head_range[] = { 1, OGI_HEAD_ROWS };
    OG_TRY(og_device_open(m->ctx, &o->device, &m->device));
    og_compile_options step = o->compile, head = o->compile;
    head.range = head_range;
    head.n_range = OGI_LEN(head_range);
    OG_TRY(og_compile(m->device, m->model->step, &step, &m->step));
    if (!progress(o, 0.6)) return OG_E_CANCELLED;
    return og_compile(m->device, m->model->head, &head, &m->head);
}

static uint64_t hash_of(const char *text)
{
    return XXH3_64bits(text, strlen(text));
}

/* From m->file on. */
static og_status load(og_model *m, const og_model_options *o)
{
    if (!progress(o, 0.1)) return OG_E_CANCELLED;
    ogi_model_options mo = { .n_ctx = o->n_ctx, .kv_type = o->is_kv_f32 ? OG_F32 : OG_F16 };
    OG_TRY(ogi_model_open(m->ctx, m->file, &mo, &m->model));
    if (!progress(o, 0.3)) return OG_E_CANCELLED;
    int64_t n_seq = OGI_MAX(o->n_sequence, 1);
    if (n_seq > MAX_BESIDE)
        OG_FAIL(m->ctx, OG_E_LIMIT, "%lld sequences at once; at most %d", (long long)n_seq,
                MAX_BESIDE);
    m->n_ctx = m->model->n_ctx;
    m->pages_per_seq = (m->n_ctx + OGI_PAGE - 1) / OGI_PAGE;
    m->n_page = OGI_MAX(m->pages_per_seq * n_seq, 1);
    m->n_slot = n_seq;
    m->passes = hash_of(o->compile.skip ? o->compile.skip : "");
    m->batch = o->batch > 0 ? OGI_MIN(o->batch, OGI_STEP_TOKENS) : OGI_STEP_TOKENS;
    if (m->n_page > INT32_MAX / OGI_PAGE)
        OG_FAIL(m->ctx, OG_E_LIMIT, "%lld sequences of %lld tokens are more than %d KV rows",
                (long long)n_seq, (long long)m->n_ctx, INT32_MAX);
    OG_TRY(check_memory(m, n_seq));
    m->kv_size = states_size(m, m->n_ctx, n_seq);
    OG_TRY(ogi_id_pool_init(m->ctx, m->n_page, o->reverse_pages, &m->page));
    OG_TRY(ogi_id_pool_init(m->ctx, m->n_slot, o->reverse_pages, &m->slot));
    OG_TRY(compile_model(m, o));
    if (!progress(o, 0.9)) return OG_E_CANCELLED;
    OG_TRY(bind_weights(m));
    OG_TRY(bind_inputs(m));
    OG_TRY(alloc_states(m));
    return progress(o, 1) ? OG_OK : OG_E_CANCELLED;
}

og_status ogi_model_load_gguf(og_ctx *ctx, ogi_gguf *file, const og_model_options *opt,
                              og_model **out)
{
    og_model_options o = opt ? *opt : (og_model_options){ 0 };
    *out = NULL;
    og_model *m = OGI_NEW(ctx, og_model);
    if (!m) {
        ogi_gguf_close(file);
        return OG_E_MEMORY;
    }
    m->ctx = ctx;
    m->file = file;
    og_status st = load(m, &o);
    if (st != OG_OK) {
        if (st == OG_E_CANCELLED)
            ogi_fail(ctx, st, __FILE__, __LINE__, "%s: cancelled", ogi_gguf_path(file));
        og_model_free(m);
        return st;
    }
    *out = m;
    return OG_OK;
}

og_status og_model_load(og_ctx *ctx, const char *path, const og_model_options *opt, og_model **out)
{
    ogi_gguf *file;
    *out = NULL;
    OG_TRY(ogi_gguf_open(ctx, path, opt ? opt->override : NULL, opt ? opt->n_override : 0, &file));
    return ogi_model_load_gguf(ctx, file, opt, out);
}

void og_model_free(og_model *m)
{
    if (!m) return;
    while (m->seqs) og_sequence_free(m->seqs);
    for (int i = 0; m->state && i < m->model->n_state; i++)
        ogi_device_backend(m->device)->free(ogi_device_inner(m->device), m->state[i]);
    ogi_free(m->ctx, m->state);
    if (m->in) ogi_free(m->ctx, m->in->page_table);
    ogi_free(m->ctx, m->in);
    og_program_free(m->step);
    og_program_free(m->head);
    og_device_free(m->device);
    ogi_id_pool_free(&m->page);
    ogi_id_pool_free(&m->slot);
    ogi_model_close(m->model);
    ogi_gguf_close(m->file);
    ogi_free(m->ctx, m);
}

void og_model_get_info(const og_model *m, og_model_info *out)
{
    *out = (og_model_info){
        .arch = m->model->arch,
        .n_vocab = m->model->n_vocab,
        .n_embd = m->model->n_embd,
        .n_layer = m->model->n_layer,
        .n_ctx = m->n_ctx,
        .n_ctx_train = m->model->n_ctx_train,
        .weight_size = m->weight_size,
        .kv_size = m->kv_size,
        .device = og_device_name(m->device),
        .isa = og_device_isa(m->device),
        .n_thread = og_device_threads(m->device),
    };
}

const og_program *og_model_program(const og_model *m, const char *entry)
{
    return !strcmp(entry, "step") ? m->step : !strcmp(entry, "head") ? m->head : NULL;
}

const ogi_gguf *ogi_model_file(const og_model *m)
{
    return m->file;
}
og_ctx *ogi_model_ctx(const og_model *m)
{
    return m->ctx;
}

const og_device *ogi_model_device(const og_model *m)
{
    return m->device;
}
int64_t ogi_model_vocab_size(const og_model *m)
{
    return m->model->n_vocab;
}
int64_t ogi_model_state_size(const og_model *m, int64_t n)
{
    return states_size(m, n, 1);
}

og_status ogi_model_fingerprint(og_model *m, uint64_t *out)
{
    char *graph;
    *out = m->fingerprint;
    if (*out) return OG_OK;
    OG_TRY(og_graph_print(m->model->step, OG_TEXT, &graph));
    const uint64_t part[] = {
        ogi_gguf_fingerprint(m->file),
        hash_of(graph),
        m->passes,
        hash_of(og_device_name(m->device)),
        hash_of(og_device_isa(m->device)),
        hash_of(OG_VERSION),
    };
    og_text_free(m->ctx, graph);
    *out = m->fingerprint = XXH3_64bits(part, sizeof part);
    return OG_OK;
}

/* ---- sequences ----------------------------------------------------------------------------- */

og_status og_sequence_new(og_model *m, og_sequence **out)
{
    *out = NULL;
    og_sequence *s = OGI_NEW(m->ctx, og_sequence);
    if (!s) return OG_E_MEMORY;
    s->m = m;
    s->page = OGI_NEW_N(m->ctx, int32_t, m->pages_per_seq + 1);
    s->slot = ogi_id_take(&m->slot);
    if (!s->page || s->slot < 0) {
        if (s->slot >= 0) ogi_id_give(&m->slot, s->slot);
        ogi_free(m->ctx, s->page);
        ogi_free(m->ctx, s);
        OG_FAIL(m->ctx, OG_E_LIMIT, "all %lld sequences of the model are in use",
                (long long)m->n_slot);
    }
    s->next = m->seqs;
    m->seqs = s;
    *out = s;
    return OG_OK;
}

void og_sequence_free(og_sequence *s)
{
    if (!s) return;
    og_model *m = s->m;
    og_sequence **at = &m->seqs;
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    while (s->n_page) ogi_id_give(&m->page, s->page[--s->n_page]);
    ogi_id_give(&m->slot, s->slot);
    ogi_free(m->ctx, s->page);
    ogi_free(m->ctx, s);
}

static og_status take_pages(og_model *m, og_sequence *s, int64_t length)
{
    while (s->n_page * OGI_PAGE < length) {
        int32_t id = ogi_id_take(&m->page);
        if (id < 0)
            OG_FAIL(m->ctx, OG_E_LIMIT, "all %lld KV pages are in use", (long long)m->n_page);
        s->page[s->n_page++] = id;
    }
    return OG_OK;
}

/* Those behind its length. */
static void give_back_pages(og_sequence *s)
{
    while (s->n_page > (s->length + OGI_PAGE - 1) / OGI_PAGE)
        ogi_id_give(&s->m->page, s->page[--s->n_page]);
}

int64_t og_sequence_length(const og_sequence *s)
{
    return s->length;
}

og_status og_sequence_truncate(og_sequence *s, int64_t n)
{
    og_model *m = s->m;
    if (n < 0 || n > s->length)
        OG_FAIL(m->ctx, OG_E_INVALID, "cannot truncate a sequence of %lld tokens to %lld",
                (long long)s->length, (long long)n);
    if (n > 0 && n < s->length && m->model->has_recurrent)
        OG_FAIL(m->ctx, OG_E_UNSUPPORTED, "%s has recurrent states: it can forget all tokens only",
                m->model->arch);
    s->length = n;
    give_back_pages(s);
    return OG_OK;
}

/* Bytes of device memory, through the host. */
static void copy_device(og_model *m, void *to, const void *from, int64_t size, void *chunk)
{
    const ogi_backend *b = ogi_device_backend(m->device);
    ogi_device *d = ogi_device_inner(m->device);
    for (int64_t at = 0, n; at < size; at += n) {
        n = OGI_MIN(size - at, COPY_CHUNK);
        b->copy_out(d, chunk, (const char *)from + at, n);
        b->copy_in(d, (char *)to + at, chunk, n);
    }
}

og_status og_sequence_copy(og_sequence *to, const og_sequence *from, int64_t n_alike)
{
    og_model *m = to->m;
    if (to == from || from->m != m || n_alike < 0 || n_alike > to->length || n_alike > from->length)
        OG_FAIL(m->ctx, OG_E_INVALID,
                "cannot copy a sequence of %lld tokens over one of %lld with %lld alike",
                (long long)from->length, (long long)to->length, (long long)n_alike);
    to->length = 0;
    void *chunk = ogi_alloc(m->ctx, 1, COPY_CHUNK);
    og_status st = chunk ? take_pages(m, to, from->length) : OG_E_MEMORY;
    for (int i = 0; st == OG_OK && i < m->model->n_state; i++) {
        int64_t unit = m->model->state[i].unit_size;
        char *base = m->state[i];
        if (!m->model->state[i].is_paged)
            copy_device(m, base + unit * to->slot, base + unit * from->slot, unit, chunk);
        for (int64_t k = n_alike / OGI_PAGE; m->model->state[i].is_paged && k < from->n_page; k++)
            copy_device(m, base + unit * to->page[k], base + unit * from->page[k], unit, chunk);
    }
    if (st == OG_OK) to->length = from->length;
    give_back_pages(to);
    ogi_free(m->ctx, chunk);
    return st;
}

og_model *ogi_sequence_model(const og_sequence *s)
{
    return s->m;
}

static og_status give_pieces(og_sequence *s, ogi_piece_fn fn, void *user)
{
    og_model *m = s->m;
    for (int i = 0; i < m->model->n_state; i++) {
        int64_t unit = m->model->state[i].unit_size;
        bool is_paged = m->model->state[i].is_paged;
        for (int64_t k = 0; k < (is_paged ? s->n_page : 1); k++)
            OG_TRY(fn(user, (char *)m->state[i] + unit * (is_paged ? s->page[k] : s->slot), unit));
    }
    return OG_OK;
}

og_status ogi_sequence_pieces(og_sequence *s, int64_t n, ogi_piece_fn fn, void *user)
{
    OGI_ASSERT(n >= s->length && n <= s->m->n_ctx);
    og_status st = take_pages(s->m, s, n);
    if (st == OG_OK) st = give_pieces(s, fn, user);
    if (st == OG_OK)
        s->length = n;
    else
        give_back_pages(s);
    return st;
}

/* ---- steps --------------------------------------------------------------------------------- */

/* What one step takes of each feed. */
typedef struct step_part {
    int feed;
    int64_t from, n; /* tokens of the feed */
} step_part;

typedef struct step {
    step_part part[OGI_STEP_SEQS];
    int n_part;
    int64_t n_tok;
} step;

static og_status check_feeds(og_model *m, const og_feed *feed, int n_feed)
{
    if (n_feed < 1 || n_feed > OGI_STEP_SEQS)
        OG_FAIL(m->ctx, OG_E_LIMIT, "%d sequences in one feed; 1 to %d are possible", n_feed,
                OGI_STEP_SEQS);
    for (int f = 0; f < n_feed; f++) {
        const og_sequence *s = feed[f].seq;
        if (feed[f].n < 1) OG_FAIL(m->ctx, OG_E_INVALID, "feed %d has no tokens", f);
        if (feed[f].n > m->n_ctx - s->length)
            OG_FAIL(m->ctx, OG_E_LIMIT,
                    "the context of %lld tokens is full: %lld are in it, %lld more do not fit",
                    (long long)m->n_ctx, (long long)s->length, (long long)feed[f].n);
        for (int64_t i = 0; i < feed[f].n; i++)
            if (feed[f].token[i] < 0 || feed[f].token[i] >= m->model->n_vocab)
                OG_FAIL(m->ctx, OG_E_INVALID, "token %d is outside the vocabulary of %lld",
                        feed[f].token[i], (long long)m->model->n_vocab);
        for (int g = 0; g < f; g++)
            if (feed[g].seq == s)
                OG_FAIL(m->ctx, OG_E_INVALID, "feeds %d and %d are the same sequence", g, f);
    }
    return OG_OK;
}

/* Takes the next tokens of every feed, as many as fit. done[f]: tokens of feed f fed so far. */
static void plan_step(const og_model *m, const og_feed *feed, int n_feed, const int64_t *done,
                      step *out)
{
    out->n_part = 0;
    out->n_tok = 0;
    for (int f = 0; f < n_feed; f++) {
        int64_t n = OGI_MIN(feed[f].n - done[f], m->batch);
        n = OGI_MIN(n, OGI_STEP_TOKENS - out->n_tok);
        if (n <= 0) continue;
        out->part[out->n_part++] = (step_part){ f, done[f], n };
        out->n_tok += n;
    }
}

static og_status fill_inputs(og_model *m, const og_feed *feed, const step *st)
{
    step_inputs *in = m->in;
    int32_t t = 0;
    for (int p = 0; p < st->n_part; p++) {
        const step_part *part = &st->part[p];
        og_sequence *s = feed[part->feed].seq;
        OG_TRY(take_pages(m, s, s->length + part->n));
        in->seq_start[p] = t;
        in->kv_len[p] = (int32_t)(s->length + part->n);
        in->state_slot[p] = s->slot;
        memcpy(in->page_table + p * m->pages_per_seq, s->page, (size_t)s->n_page * sizeof *s->page);
        for (int64_t i = 0; i < part->n; i++, t++) {
            int64_t pos = s->length + i;
            in->token[t] = feed[part->feed].token[part->from + i];
            in->pos[t] = (int32_t)pos;
            in->kv_slot[t] = s->page[pos / OGI_PAGE] * OGI_PAGE + (int32_t)(pos % OGI_PAGE);
        }
    }
    in->seq_start[st->n_part] = t;
    return OG_OK;
}

/* Rows of the step whose logits are wanted, handed out in groups of OGI_HEAD_ROWS. */
typedef struct row_queue {
    og_model *m;
    og_row_fn fn;
    void *user;
    int64_t n_tok;
    int n;
    int feed[OGI_HEAD_ROWS];
    int64_t index[OGI_HEAD_ROWS];
} row_queue;

static og_status flush_rows(row_queue *q)
{
    og_model *m = q->m;
    if (!q->n) return OG_OK;
    const void *hidden = og_program_output(m->step, "hidden");
    if (hidden != m->hidden) {
        int64_t size = OGI_STEP_TOKENS * m->model->n_embd * (int64_t)sizeof(float);
        OG_TRY(og_program_bind(m->head, "hidden", (void *)(uintptr_t)hidden, size));
        m->hidden = hidden;
    }
    OG_TRY(og_program_run(m->head, (int64_t[]){ q->n, q->n_tok }));
    const float *logits = og_program_output(m->head, "logits");
    for (int i = 0; i < q->n; i++)
        if (!q->fn(q->user, q->feed[i], q->index[i], logits + i * m->model->n_vocab))
            OG_FAIL(m->ctx, OG_E_CANCELLED, "cancelled");
    q->n = 0;
    return OG_OK;
}

static og_status want_row(row_queue *q, int32_t row, int feed, int64_t index)
{
    q->m->in->out_row[q->n] = row;
    q->feed[q->n] = feed;
    q->index[q->n++] = index;
    return q->n == OGI_HEAD_ROWS ? flush_rows(q) : OG_OK;
}

static og_status give_rows(og_model *m, const og_feed *feed, const step *st, og_rows rows,
                           og_row_fn fn, void *user)
{
    row_queue q = { .m = m, .fn = fn, .user = user, .n_tok = st->n_tok };
    int32_t t = 0;
    for (int p = 0; p < st->n_part; p++)
        for (int64_t i = 0; i < st->part[p].n; i++, t++) {
            int f = st->part[p].feed;
            int64_t index = st->part[p].from + i;
            if (rows == OG_ROWS_ALL || index == feed[f].n - 1) OG_TRY(want_row(&q, t, f, index));
        }
    return flush_rows(&q);
}

static og_status run_step(og_model *m, const og_feed *feed, const step *st)
{
    OG_TRY(fill_inputs(m, feed, st));
    int64_t sym[] = { st->n_tok, st->n_part, m->pages_per_seq, m->n_page, m->n_slot };
    OG_TRY(og_program_run(m->step, sym));
    for (int p = 0; p < st->n_part; p++) feed[st->part[p].feed].seq->length += st->part[p].n;
    return OG_OK;
}

og_status og_model_feed(og_model *m, const og_feed *feed, int n_feed, og_rows rows, og_row_fn fn,
                        void *user)
{
    int64_t done[OGI_STEP_SEQS] = { 0 };
    step st;
    OG_TRY(check_feeds(m, feed, n_feed));
    for (plan_step(m, feed, n_feed, done, &st); st.n_part; plan_step(m, feed, n_feed, done, &st)) {
        OG_TRY(run_step(m, feed, &st));
        for (int p = 0; p < st.n_part; p++) done[st.part[p].feed] += st.part[p].n;
        if (rows != OG_ROWS_NONE) OG_TRY(give_rows(m, feed, &st, rows, fn, user));
    }
    return OG_OK;
}
