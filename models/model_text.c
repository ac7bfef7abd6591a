/* SPDX-License-Identifier: MIT
 *
 * Models whose graphs come from a text. The header says what no graph shows: the architecture, the
 * context, causality, pooling; what it leaves out is read from the model's keys. Then the entries,
 * each once, in the order of ogi_kinds. */
#include "models/model_text.h"

#include <inttypes.h>

#include "base/file.h"
#include "graph/form_lex.h"
#include "graph/op_def.h"
#include "models/contract.h"
#include "models/model_keys.h"

static const char *const pooling_name[] = { "none", "mean", "cls", "last" };

/* ---- printing ------------------------------------------------------------------------------ */

static void print_header(const ogi_model *m, ogi_buf *out)
{
    ogi_buf_puts(out, "arch ");
    ogi_form_quote(out, m->arch);
    ogi_buf_printf(out, "\nformat %d\n", OGI_MODEL_FORMAT);
    ogi_buf_printf(out, "context %" PRId64 "\n", m->n_ctx_train);
    ogi_buf_printf(out, "causal %s\n", m->is_causal ? "true" : "false");
    ogi_buf_printf(out, "pooling %s%s\n", pooling_name[m->pooling],
                   m->is_ranked ? " classifier" : "");
}

og_status ogi_model_print(const ogi_model *m, ogi_buf *out)
{
    og_ctx *ctx = m->ctx;
    ogi_form_blocks b = { .text.ctx = ctx, .mem.ctx = ctx, .names.ctx = ctx };
    ogi_buf graphs = { .ctx = ctx };
    og_status st = OG_OK;
    for (int i = 0; st == OG_OK && i < m->n_entry; i++)
        st = ogi_form_print(m->entry[i].graph, &b, &graphs);
    print_header(m, out);
    ogi_buf_add(out, ogi_buf_str(&b.text), b.text.n);
    ogi_buf_add(out, ogi_buf_str(&graphs), graphs.n);
    if (b.text.failed || graphs.failed || out->failed) st = OG_E_MEMORY;
    ogi_map_free(&b.names);
    ogi_arena_free(&b.mem);
    ogi_buf_free(&b.text);
    ogi_buf_free(&graphs);
    return st;
}

og_status ogi_model_text_read(const ogi_gguf *file, og_ctx *ctx, const char *graph, ogi_buf *out)
{
    ogi_sv text = { 0 };
    if (strcmp(graph, "embedded") != 0) return ogi_file_read(ctx, graph, OGI_MODEL_TEXT_MAX, out);
    OG_TRY(ogi_gguf_str(file, OGI_MODEL_TEXT_KEY, &text));
    if (!text.p)
        OG_FAIL(ctx, OG_E_NOT_FOUND,
                "%s: no graphs are embedded in it (key '" OGI_MODEL_TEXT_KEY
                "'); oxigraph graph MODEL --embed -o NEW puts them there",
                ogi_gguf_path(file));
    if (text.n > OGI_MODEL_TEXT_MAX)
        OG_FAIL(ctx, OG_E_LIMIT, "%s: key '" OGI_MODEL_TEXT_KEY "' has more than %d MB",
                ogi_gguf_path(file), OGI_MODEL_TEXT_MAX >> 20);
    ogi_buf_add(out, text.p, text.n);
    return out->failed ? OG_E_MEMORY : OG_OK;
}

/* ---- the header ---------------------------------------------------------------------------- */

typedef struct reader {
    ogi_lex x;
    ogi_model *m;
    const ogi_model_options *opt;
    const ogi_kind *kind; /* of the graph being read */
    ogi_symbols sym;
    ogi_numbers *numbers;
    ogi_form_block *block;
    ogi_form_contract contract;
} reader;

/* The number of key "<architecture>.NAME", or as it was where there is none. */
static og_status read_int(const ogi_model *m, const char *name, int64_t min, int64_t max,
                          int64_t *out)
{
    ogi_buf key = { .ctx = m->ctx };
    ogi_buf_printf(&key, "%s.%s", m->arch, name);
    og_status s = ogi_gguf_int(m->file, ogi_buf_str(&key), out);
    if (s == OG_OK && ogi_gguf_find(m->file, ogi_buf_str(&key)) && (*out < min || *out > max))
        s = ogi_fail(m->ctx, OG_E_FORMAT, __FILE__, __LINE__,
                     "%s: key '%s' is %lld, expected %lld..%lld", ogi_gguf_path(m->file),
                     ogi_buf_str(&key), (long long)*out, (long long)min, (long long)max);
    ogi_buf_free(&key);
    return s;
}

static og_status read_causal(const ogi_model *m, bool *out)
{
    ogi_buf key = { .ctx = m->ctx };
    ogi_buf_printf(&key, "%s.attention.causal", m->arch);
    og_status s = ogi_gguf_bool(m->file, ogi_buf_str(&key), out);
    ogi_buf_free(&key);
    return s;
}

/* What the model's file says. */
static og_status read_keys(ogi_model *m)
{
    int64_t pooling = -1;
    m->n_ctx_train = 2048;
    m->is_causal = true;
    OG_TRY(read_int(m, "context_length", 1, 1 << 30, &m->n_ctx_train));
    OG_TRY(read_int(m, "embedding_length", 1, 1 << 20, &m->n_embd));
    OG_TRY(read_int(m, "block_count", 0, OG_MAX_LAYER, &m->n_layer));
    OG_TRY(read_causal(m, &m->is_causal));
    OG_TRY(read_int(m, "pooling_type", 0, OG_POOL_RANK, &pooling));
    m->is_ranked = pooling == OG_POOL_RANK;
    m->pooling = pooling == OG_POOL_RANK ? -1 : (int)pooling;
    const ogi_gguf_tensor *t = ogi_gguf_tensor_find(m->file, OGI_SV("token_embd.weight"));
    if (!t || t->rank != 2 || t->dim[1] < 1 || t->dim[1] > 1 << 24)
        OG_FAIL(m->ctx, OG_E_FORMAT, "%s: tensor 'token_embd.weight' is missing, or no matrix",
                ogi_gguf_path(m->file));
    m->n_vocab = t->dim[1];
    return OG_OK;
}

static og_status pooling(reader *r)
{
    int i = 0;
    while (i < OGI_LEN(pooling_name) && !ogi_lex_accept(&r->x, pooling_name[i])) i++;
    if (i == OGI_LEN(pooling_name)) return ogi_lex_fail(&r->x, "none, mean, cls or last");
    r->m->pooling = i;
    r->m->is_ranked = ogi_lex_accept(&r->x, "classifier");
    return OG_OK;
}

static og_status block(reader *r)
{
    ogi_form_contract *c = &r->contract;
    ogi_form_block *b = &r->block[c->n_block];
    const char *begin = r->x.p;
    if (c->n_block == OGI_FORM_MAX_BLOCK) return ogi_lex_fail(&r->x, "at most 64 blocks");
    OG_TRY(ogi_form_block_read(&r->x, b));
    bool is_taken = ogi_op_find(b->name) >= 0;
    for (int i = 0; i < c->n_block; i++) is_taken |= ogi_sv_eq(r->block[i].name, b->name);
    if (is_taken) {
        r->x.p = begin;
        return ogi_lex_fail(&r->x, "a new name, which is no op, for the block that ends here");
    }
    c->n_block++;
    return OG_OK;
}

/* A line between the first two and the graphs; *is_known is false if it is none of the header. */
static og_status header_line(reader *r, bool *is_known)
{
    ogi_model *m = r->m;
    *is_known = true;
    if (ogi_lex_accept(&r->x, "key")) return ogi_number_key(r->numbers, &r->x);
    if (ogi_lex_accept(&r->x, "let")) return ogi_number_let(r->numbers, &r->x);
    if (ogi_lex_accept(&r->x, "block")) return block(r);
    if (ogi_lex_accept(&r->x, "context")) return ogi_lex_int(&r->x, 1, 1 << 30, &m->n_ctx_train);
    if (ogi_lex_accept(&r->x, "pooling")) return pooling(r);
    if (ogi_lex_accept(&r->x, "causal")) {
        m->is_causal = ogi_lex_accept(&r->x, "true");
        return m->is_causal ? OG_OK : ogi_lex_expect(&r->x, "false");
    }
    *is_known = false;
    return OG_OK;
}

/* The architecture must be the one that the model's file names. */
static og_status first_lines(reader *r)
{
    char name[OGI_FORM_NAME_MAX + 1];
    ogi_model *m = r->m;
    ogi_sv own = { 0 };
    int64_t format;
    OG_TRY(ogi_gguf_str(m->file, "general.architecture", &own));
    ogi_lex_line(&r->x);
    OG_TRY(ogi_lex_expect(&r->x, "arch"));
    OG_TRY(ogi_lex_name(&r->x, false, name));
    if (!ogi_sv_eq(own, ogi_sv_of(name)))
        OG_FAIL(m->ctx, OG_E_INVALID, "%s: is of architecture '%.*s', the graphs are for '%s'",
                ogi_gguf_path(m->file), (int)OGI_MIN(own.n, (size_t)64), own.p ? own.p : "", name);
    OG_TRY(ogi_lex_end_of_line(&r->x));
    m->arch = ogi_arena_strndup(&m->mem, name, strlen(name));
    if (!m->arch) return OG_E_MEMORY;
    ogi_lex_line(&r->x);
    OG_TRY(ogi_lex_expect(&r->x, "format"));
    OG_TRY(ogi_lex_int(&r->x, OGI_MODEL_FORMAT, OGI_MODEL_FORMAT, &format));
    return ogi_lex_end_of_line(&r->x);
}

/* What is asked for, else what header or file say, else the last row or the mean. */
static og_status choose_pooling(const reader *r)
{
    ogi_model *m = r->m;
    bool is_asked = r->opt->has_pooling && r->opt->pooling >= 0;
    if (is_asked && (r->opt->pooling == OG_POOL_RANK) != m->is_ranked)
        OG_FAIL(m->ctx, OG_E_UNSUPPORTED, "the text's graph \"pool\" is %s classifier",
                m->is_ranked ? "a" : "no");
    if (is_asked && !m->is_ranked) m->pooling = r->opt->pooling;
    int other = m->is_ranked ? OG_POOL_CLS : OG_POOL_MEAN;
    if (m->pooling < 0) m->pooling = m->is_causal ? OG_POOL_LAST : other;
    return OG_OK;
}

static og_status read_header(reader *r)
{
    ogi_model *m = r->m;
    bool is_known = true;
    OG_TRY(first_lines(r));
    OG_TRY(read_keys(m));
    while (ogi_lex_line(&r->x)) {
        OG_TRY(header_line(r, &is_known));
        if (!is_known) break;
        OG_TRY(ogi_lex_end_of_line(&r->x));
    }
    OG_TRY(choose_pooling(r));
    if (r->opt->n_ctx < 0 || r->opt->n_ctx > 1 << 30)
        OG_FAIL(m->ctx, OG_E_INVALID, "a context of %lld tokens, expected at most %d",
                (long long)r->opt->n_ctx, 1 << 30);
    m->n_ctx = r->opt->n_ctx > 0 ? r->opt->n_ctx : m->n_ctx_train;
    m->step_tokens = m->is_causal ? OGI_STEP_TOKENS : OGI_MAX(OGI_STEP_TOKENS, m->n_ctx);
    return OG_OK;
}

/* ---- the graphs ---------------------------------------------------------------------------- */

/* Entries come in the order of ogi_kinds: widths of one are inputs of the next. */
static og_status begin_graph(void *user, og_graph *g)
{
    reader *r = user;
    ogi_model *m = r->m;
    const ogi_kind *k = ogi_kind_find(g->name);
    if (!k || (r->kind && k <= r->kind))
        OG_FAIL(m->ctx, OG_E_FORMAT,
                "graph text, line %d: graph \"%s\": expected encode, step, head, embed and pool, "
                "those that there are, in this order",
                r->x.line, g->name);
    if (k->of == OGI_OF_HIDDEN && !m->hidden)
        OG_FAIL(m->ctx, OG_E_FORMAT, "graph \"%s\" wants a graph \"step\" ahead of it", k->name);
    if (k->of == OGI_OF_ROWS && !m->n_row)
        OG_FAIL(m->ctx, OG_E_FORMAT, "graph \"%s\" wants a graph \"embed\" ahead of it", k->name);
    if (!strcmp(k->name, "encode")) m->encode_tokens = OGI_MAX(OGI_STEP_TOKENS, m->n_ctx);
    ogi_symbols_declare(m, k, g, &r->sym);
    r->kind = k;
    return g->status;
}

static og_status read_graph(reader *r)
{
    ogi_model *m = r->m;
    og_graph *g;
    OG_TRY(ogi_form_parse(&r->x, &r->contract, &g));
    ogi_entry *e = &m->entry[m->n_entry++];
    *e = (ogi_entry){ r->kind->name, g };
    OG_TRY(ogi_contract_check(m, r->kind, &r->sym, g));
    return ogi_graph_drop_dead(&e->graph);
}

/* ---- what texts refer to ------------------------------------------------------------------- */

static bool input_of(void *user, const char *name, og_dtype *type, og_shape *shape)
{
    const reader *r = user;
    return ogi_contract_input(r->m, r->kind, &r->sym, name, type, shape);
}

static bool weight_of(void *user, const char *name, og_dtype *type, int64_t *rows)
{
    const reader *r = user;
    const ogi_gguf_tensor *t = ogi_gguf_tensor_find(r->m->file, ogi_sv_of(name));
    if (!t) return false;
    *type = (og_dtype)t->type;
    *rows = t->rank < 2 ? 1 : t->dim[t->rank - 1];
    return true;
}

static bool number_of(void *user, ogi_sv name, int64_t index, bool is_indexed, double *out)
{
    const reader *r = user;
    return ogi_number_find(r->numbers, name, index, is_indexed, out);
}

og_status ogi_model_parse(ogi_model *m, const ogi_model_options *opt, ogi_sv text)
{
    reader r = { .x = ogi_lex_of(m->ctx, text), .m = m, .opt = opt };
    r.numbers = ogi_arena_alloc(&m->mem, 1, sizeof *r.numbers);
    r.block = ogi_arena_alloc(&m->mem, OGI_FORM_MAX_BLOCK, sizeof *r.block);
    if (!r.numbers || !r.block) return OG_E_MEMORY;
    r.numbers->m = m;
    r.contract = (ogi_form_contract){
        .user = &r,
        .begin = begin_graph,
        .input = input_of,
        .weight = weight_of,
        .number = number_of,
        .kv = opt->kv.k,
        .kv_v = opt->kv.v,
        .block = r.block,
    };
    r.x.contract = &r.contract;
    OG_TRY(read_header(&r));
    while (ogi_lex_line(&r.x)) OG_TRY(read_graph(&r));
    if (!m->hidden) return ogi_lex_fail(&r.x, "a graph \"step\"");
    return OG_OK;
}
