/* SPDX-License-Identifier: MIT
 *
 * From a file to a model that can be fed: programs compiled, weights mapped and bound, states
 * allocated. */
#include <fenv.h>
#include <xxhash.h>

#include "runtime/engine_impl.h"

enum { MAX_BESIDE = 1024 /* sequences alive at once */ };

static int64_t pages_of(int64_t n_ctx)
{
    return (n_ctx + OGI_PAGE - 1) / OGI_PAGE;
}

/* Bytes of all states for `n_ctx` tokens a sequence. */
static int64_t states_size(const og_model *m, int64_t n_ctx, int64_t n_seq)
{
    int64_t n_list = m->model->encode_tokens ? 2 : 1; /* of pages: the encoder's tokens too */
    int64_t pages = pages_of(n_ctx) * n_seq * n_list, sum = 0, part;
    for (int i = 0; i < m->model->n_state; i++) {
        const ogi_state_info *s = &m->model->state[i];
        if (!ogi_mul_size(s->unit_size, s->is_paged ? pages : n_seq, &part) ||
            !ogi_add_size(sum, part, &sum))
            return INT64_MAX;
    }
    return sum;
}

/* With the lists that say where they lie: page table, pool, the sequences' own. */
static int64_t sequences_size(const og_model *m, int64_t n_ctx, int64_t n_seq)
{
    enum { N_LIST = 3 };
    int64_t sum = states_size(m, n_ctx, n_seq);
    int64_t lists = m->model->has_kv ? pages_of(n_ctx) * n_seq * N_LIST * 4 : 0;
    return ogi_add_size(sum, lists, &sum) ? sum : INT64_MAX;
}

static og_status check_memory(og_model *m, int64_t n_seq)
{
    int64_t have = ogi_memory_available(), need = sequences_size(m, m->n_ctx, n_seq);
    if (need <= have) return OG_OK;
    int64_t fits = 0;
    for (int64_t step = (int64_t)1 << 40; step >= OGI_PAGE; step /= 2)
        if (fits + step < m->n_ctx && sequences_size(m, fits + step, n_seq) <= have / 10 * 9)
            fits += step;
    OG_FAIL(m->ctx, OG_E_LIMIT,
            "%s: keys and values of %lld tokens need %.1f GB, %.1f GB are free; -c %lld fits",
            ogi_gguf_path(m->file), (long long)m->n_ctx, (double)need / 1e9, (double)have / 1e9,
            (long long)fits);
}

/* In every program that has a leaf of that name. */
static og_status bind_leaf(og_model *m, const char *name, void *data, int64_t size)
{
    for (int i = 0; i < m->model->n_entry; i++) {
        og_status s = m->program[i] ? og_program_bind(m->program[i], name, data, size) : OG_OK;
        if (s != OG_OK && s != OG_E_NOT_FOUND) return s;
    }
    return OG_OK;
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
        OG_TRY(bind_leaf(m, s->name, m->state[i], size));
    }
    return OG_OK;
}

static og_status bind_weights(og_model *m)
{
    for (int i = 0; i < m->model->n_weight; i++) {
        const ogi_binding *w = &m->model->weight[i];
        void *data = (void *)(uintptr_t)w->data; /* weights are only read */
        OG_TRY(bind_leaf(m, w->name, data, w->size));
        m->weight_size += w->size;
    }
    return OG_OK;
}

static og_status bind_inputs(og_model *m)
{
    step_inputs *in = m->in = OGI_NEW(m->ctx, step_inputs);
    if (!in) return OG_E_MEMORY;
    int64_t table = OGI_MIN(OGI_STEP_SEQS, m->n_slot) * m->pages_per_seq;
    int64_t n_tok = OGI_MAX(m->model->step_tokens, m->model->encode_tokens);
    in->page_table = OGI_NEW_N(m->ctx, int32_t, table + 1);
    in->token = OGI_NEW_N(m->ctx, int32_t, n_tok);
    in->pos = OGI_NEW_N(m->ctx, int32_t, n_tok);
    in->kv_slot = OGI_NEW_N(m->ctx, int32_t, n_tok);
    in->enc_page_table = OGI_NEW_N(m->ctx, int32_t, table + 1);
    if (!in->page_table || !in->enc_page_table || !in->token || !in->pos || !in->kv_slot)
        return OG_E_MEMORY;
    n_tok *= (int64_t)sizeof(int32_t);
    const struct {
        const char *name;
        void *data;
        int64_t size;
    } input[] = {
        { "token", in->token, n_tok },
        { "pos", in->pos, n_tok },
        { "kv_slot", in->kv_slot, n_tok },
        { "seq_start", in->seq_start, sizeof in->seq_start },
        { "kv_len", in->kv_len, sizeof in->kv_len },
        { "state_slot", in->state_slot, sizeof in->state_slot },
        { "page_table", in->page_table, table * (int64_t)sizeof(int32_t) },
        { "enc_page_table", in->enc_page_table, table * (int64_t)sizeof(int32_t) },
        { "enc_len", in->enc_len, sizeof in->enc_len },
        { "out_row", in->out_row, sizeof in->out_row },
    };
    if (m->pool) {
        m->row = OGI_NEW_N(m->ctx, float, m->n_col);
        if (!m->row) return OG_E_MEMORY;
        OG_TRY(bind_leaf(m, "row", m->row, m->n_col * (int64_t)sizeof *m->row));
    }
    for (int i = 0; i < OGI_LEN(input); i++)
        OG_TRY(bind_leaf(m, input[i].name, input[i].data, input[i].size));
    return OG_OK;
}

static bool progress(const og_model_options *o, double done)
{
    return !o->progress || o->progress(o->user, done);
}

/* Compiles what this run uses; rows: the entry that follows the step. */
static og_status compile_entry(og_model *m, const og_model_options *o, int i, const char *rows)
{
    static const int64_t row_range[] = { 1, OGI_HEAD_ROWS };
    const ogi_entry *e = &m->model->entry[i];
    og_compile_options opt = o->compile;
    bool is_step = !strcmp(e->name, "step") || !strcmp(e->name, "encode");
    bool is_rows = !strcmp(e->name, rows), is_pool = o->has_pooling && !strcmp(e->name, "pool");
    if (!is_step && !is_rows && !is_pool) return OG_OK;
    if (!is_step) {
        opt.range = row_range;
        opt.n_range = OGI_LEN(row_range);
    }
    OG_TRY(og_compile(m->device, e->graph, &opt, &m->program[i]));
    if (!strcmp(e->name, "step")) m->step = m->program[i];
    if (!strcmp(e->name, "encode")) m->encode = m->program[i];
    if (is_rows) m->rows = m->program[i];
    if (is_pool) m->pool = m->program[i];
    return OG_OK;
}

static og_status compile_model(og_model *m, const og_model_options *o)
{
    m->trace = o->trace;
    OG_TRY(ogi_trace_prepare(m, o->trace.pattern));
    OG_TRY(og_device_open(m->ctx, &o->device, &m->device));
    const char *rows = o->has_pooling ? "embed" : "head";
    if (!ogi_model_graph(m->model, rows))
        OG_FAIL(m->ctx, OG_E_UNSUPPORTED,
                "%s: architecture %s writes no text: it gives embeddings (oxigraph embed)",
                ogi_gguf_path(m->file), m->model->arch);
    m->rows_output = o->has_pooling ? "row" : "logits";
    m->n_col = o->has_pooling ? m->model->n_row : m->model->n_vocab;
    for (int i = 0; i < m->model->n_entry; i++) {
        OG_TRY(compile_entry(m, o, i, rows));
        if (!progress(o, 0.3 + 0.2 * (i + 1) / (m->model->n_entry + 1))) return OG_E_CANCELLED;
    }
    return OG_OK;
}

static uint64_t hash_of(const char *text)
{
    return XXH3_64bits(text, strlen(text));
}

/* The vocabulary may be shorter than the embedding, which is padded then; the tokens that are none
 * are never chosen. A longer one would have tokens without a row. */
static og_status check_vocabulary(const og_model *m)
{
    const ogi_gguf_kv *tokens;
    OG_TRY(ogi_gguf_array(m->file, "tokenizer.ggml.tokens", OGI_GGUF_STR, &tokens));
    if (tokens && tokens->n > m->model->n_vocab)
        OG_FAIL(m->ctx, OG_E_FORMAT,
                "%s: key 'tokenizer.ggml.tokens' has %lld tokens, but 'token_embd.weight' has %lld "
                "rows",
                ogi_gguf_path(m->file), (long long)tokens->n, (long long)m->model->n_vocab);
    return OG_OK;
}

static const double load_from = 0.5; /* of the whole progress */

static bool show_loading(void *user, double done)
{
    return progress(user, load_from + (1 - load_from) * done);
}

/* A map is read ahead if it fits beside the keys and values; else as it is touched. */
static og_status load_weights(og_model *m, const og_model_options *o)
{
    og_model_options copy = *o;
    return ogi_gguf_load(m->file, ogi_memory_available() - m->kv_size,
                         &(ogi_gguf_load_options){
                             .is_copied = o->no_mmap,
                             .is_locked = o->mlock,
                             .progress = show_loading,
                             .user = &copy,
                         });
}

/* From m->file on. */
static og_status load(og_model *m, const og_model_options *o)
{
    OGI_NEEDS(m->ctx, o->n_ctx >= 0 && o->n_sequence >= 0 && o->batch >= 0);
    if (!progress(o, 0.1)) return OG_E_CANCELLED;
    ogi_model_options mo = { .n_ctx = o->n_ctx };
    mo.has_pooling = o->has_pooling;
    mo.pooling = o->pooling;
    mo.graph = o->graph;
    mo.via_text = o->via_text;
    if (!ogi_kv_types_parse(o->kv, &mo.kv))
        OG_FAIL(m->ctx, OG_E_INVALID, "keys and values as '%s'; expected " OGI_KV_EXPECTED, o->kv);
    OG_TRY(ogi_model_open(m->ctx, m->file, &mo, &m->model));
    OG_TRY(check_vocabulary(m));
    if (!progress(o, 0.3)) return OG_E_CANCELLED;
    int64_t n_seq = OGI_MAX(o->n_sequence, 1);
    if (n_seq > MAX_BESIDE)
        OG_FAIL(m->ctx, OG_E_LIMIT, "%lld sequences at once; at most %d", (long long)n_seq,
                MAX_BESIDE);
    m->n_ctx = m->model->n_ctx;
    if (m->n_ctx > m->model->n_ctx_train)
        ogi_log(m->ctx, OG_LOG_WARN,
                "%s: a context of %lld tokens, but the model was trained for %lld: past them its "
                "answers may make no sense",
                ogi_gguf_path(m->file), (long long)m->n_ctx, (long long)m->model->n_ctx_train);
    m->pages_per_seq = m->model->has_kv ? pages_of(m->n_ctx) : 1; /* recurrent: unused */
    m->n_page = m->model->has_kv ? OGI_MAX(m->pages_per_seq * n_seq, 1) : 1;
    if (m->model->encode_tokens) m->n_page *= 2; /* the encoder's tokens */
    m->n_slot = n_seq;
    m->passes = hash_of(o->compile.skip ? o->compile.skip : "");
    m->batch = o->batch > 0 ? OGI_MIN(o->batch, OGI_STEP_TOKENS) : OGI_STEP_TOKENS;
    if (!m->model->is_causal) m->batch = (int)m->model->step_tokens;
    if (m->n_page > INT32_MAX / OGI_PAGE)
        OG_FAIL(m->ctx, OG_E_LIMIT, "%lld sequences of %lld tokens are more than %d KV rows",
                (long long)n_seq, (long long)m->n_ctx, INT32_MAX);
    OG_TRY(check_memory(m, n_seq));
    m->kv_size = states_size(m, m->n_ctx, n_seq);
    OG_TRY(ogi_id_pool_init(m->ctx, m->n_page, o->reverse_pages, &m->page));
    OG_TRY(ogi_id_pool_init(m->ctx, m->n_slot, o->reverse_pages, &m->slot));
    OG_TRY(compile_model(m, o));
    OG_TRY(load_weights(m, o));
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
    fenv_t callers; /* tables of the graph are computed as steps are: see base/pool.h */
    fegetenv(&callers);
    fesetenv(FE_DFL_ENV);
    og_status st = load(m, &o);
    fesetenv(&callers);
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
    OGI_NEEDS(ctx, ctx && out);
    *out = NULL;
    OGI_NEEDS(ctx, path);
    OGI_NEEDS(ctx, !opt || (opt->n_override >= 0 && (opt->override || !opt->n_override)));
    for (int i = 0; opt && i < opt->n_override; i++) OGI_NEEDS(ctx, opt->override[i]);
    OG_TRY(ogi_gguf_open(ctx, path, opt ? opt->override : NULL, opt ? opt->n_override : 0, &file));
    return ogi_model_load_gguf(ctx, file, opt, out);
}

static void free_inputs(og_model *m)
{
    if (!m->in) return;
    ogi_free(m->ctx, m->in->token);
    ogi_free(m->ctx, m->in->pos);
    ogi_free(m->ctx, m->in->kv_slot);
    ogi_free(m->ctx, m->in->page_table);
    ogi_free(m->ctx, m->in->enc_page_table);
    ogi_free(m->ctx, m->in);
}

void og_model_free(og_model *m)
{
    if (!m) return;
    while (m->seqs) og_sequence_free(m->seqs);
    for (int i = 0; m->state && i < m->model->n_state; i++)
        ogi_device_backend(m->device)->free(ogi_device_inner(m->device), m->state[i]);
    ogi_free(m->ctx, m->state);
    free_inputs(m);
    ogi_free(m->ctx, m->row);
    for (int i = 0; i < OGI_MAX_ENTRY; i++) og_program_free(m->program[i]);
    og_device_free(m->device);
    ogi_id_pool_free(&m->page);
    ogi_id_pool_free(&m->slot);
    ogi_model_close(m->model);
    ogi_gguf_close(m->file);
    ogi_free(m->ctx, m);
}

void og_model_get_info(const og_model *m, og_model_info *out)
{
    if (out) *out = (og_model_info){ .arch = "", .device = "", .isa = "" };
    if (!m || !out) return;
    *out = (og_model_info){
        .arch = m->model->arch,
        .n_vocab = m->model->n_vocab,
        .n_embd = m->model->n_embd,
        .n_layer = m->model->n_layer,
        .n_ctx = m->n_ctx,
        .n_ctx_train = m->model->n_ctx_train,
        .weight_size = m->weight_size,
        .kv_size = m->kv_size,
        .n_pooled = m->pool ? m->model->n_pooled : 0,
        .has_encoder = m->encode != NULL,
        .is_causal = m->model->is_causal,
        .is_ranked = m->pool && m->model->is_ranked,
        .device = og_device_name(m->device),
        .isa = og_device_isa(m->device),
        .n_thread = og_device_threads(m->device),
    };
}

const og_program *og_model_program(const og_model *m, const char *entry)
{
    if (!m || !entry) return NULL;
    for (int i = 0; i < m->model->n_entry; i++)
        if (!strcmp(m->model->entry[i].name, entry)) return m->program[i];
    return NULL;
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
    uint64_t graphs[OGI_MAX_ENTRY] = { 0 };
    *out = m->fingerprint;
    if (*out) return OG_OK;
    for (int i = 0; i < m->model->n_entry; i++) {
        char *text;
        OG_TRY(og_graph_print(m->model->entry[i].graph, OG_TEXT, &text));
        graphs[i] = hash_of(text);
        og_text_free(m->ctx, text);
    }
    const uint64_t part[] = {
        ogi_gguf_fingerprint(m->file),      XXH3_64bits(graphs, sizeof graphs), m->passes,
        hash_of(og_device_name(m->device)), hash_of(og_device_isa(m->device)),  hash_of(OG_VERSION),
    };
    *out = m->fingerprint = XXH3_64bits(part, sizeof part);
    return OG_OK;
}
