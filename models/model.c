/* SPDX-License-Identifier: MIT
 *
 * From a GGUF file to a model: finds the architecture, reads its hyperparameters, declares its
 * weights and builds the graphs of a step and of the head. */
#include "models/model.h"

#include "graph/dim.h"
#include "graph/dtype.h"
#include "models/arch/arch.h"
#include "models/arch_impl.h"
#include "models/model_text.h"
#include "ops/attention.h"

enum { MAX_NAME = 64 };

static const og_arch *const builtin[] = {
#define ARCH(name) &ogi_arch_##name,
#include "models/archs.def"
#undef ARCH
};

const char *ogi_arch_name(int i)
{
    return i >= 0 && i < OGI_LEN(builtin) ? builtin[i]->name : NULL;
}
const char *ogi_arch_doc(int i)
{
    return i >= 0 && i < OGI_LEN(builtin) ? builtin[i]->doc : NULL;
}

og_status og_arch_register(og_ctx *ctx, const og_arch *arch)
{
    OGI_NEEDS(NULL, ctx);
    if (!arch || !arch->name || !arch->key || !arch->weight || (!arch->block && !arch->n_entry))
        OG_FAIL(ctx, OG_E_INVALID, "an architecture needs name, key, weight, and block or entries");
    return ogi_ctx_attach(ctx, arch);
}

const og_arch *ogi_arch_find(const og_ctx *ctx, ogi_sv name)
{
    for (int i = 0; ogi_ctx_attached(ctx, i); i++) {
        const og_arch *a = ogi_ctx_attached(ctx, i);
        if (ogi_sv_eq(name, ogi_sv_of(a->name))) return a;
    }
    for (int i = 0; i < OGI_LEN(builtin); i++)
        if (ogi_sv_eq(name, ogi_sv_of(builtin[i]->name))) return builtin[i];
    return NULL;
}

static og_status find_arch(og_ctx *ctx, const ogi_gguf *f, const og_arch **out)
{
    ogi_sv name = { 0 };
    if (!ogi_gguf_tensor_count(f))
        OG_FAIL(ctx, OG_E_FORMAT,
                "%s: holds no weights, only keys; files that hold a vocabulary alone are for "
                "tokenize, template and --vocab",
                ogi_gguf_path(f));
    OG_TRY(ogi_gguf_str(f, "general.architecture", &name));
    if (!name.p)
        OG_FAIL(ctx, OG_E_FORMAT, "%s: key 'general.architecture' is missing, expected a name",
                ogi_gguf_path(f));
    *out = ogi_arch_find(ctx, name);
    if (*out) return OG_OK;
    OG_FAIL(ctx, OG_E_UNSUPPORTED,
            "%s: architecture '%.*s' is not known; `oxigraph archs` lists those that are",
            ogi_gguf_path(f), (int)OGI_MIN(name.n, (size_t)MAX_NAME), name.p);
}

static bool parse_kv_type(ogi_sv name, og_dtype *out)
{
    const ogi_dtype *type = ogi_dtype_find(name);
    if (!type || !ogi_is_kv_type(type->id)) return false;
    *out = type->id;
    return true;
}

bool ogi_kv_types_parse(const char *text, ogi_kv_types *out)
{
    bool has[2] = { false, false };
    *out = (ogi_kv_types){ OG_F16, OG_F16 };
    if (!text) return true;
    if (parse_kv_type(ogi_sv_of(text), &out->k)) {
        out->v = out->k;
        return true;
    }
    for (const char *at = text;; at++) {
        size_t n = strcspn(at, ",");
        int i = *at == 'v';
        if (n < 3 || (*at != 'k' && *at != 'v') || at[1] != '=' || has[i]) return false;
        if (!parse_kv_type((ogi_sv){ at + 2, n - 2 }, i ? &out->v : &out->k)) return false;
        has[i] = true;
        at += n;
        if (!*at) return true;
    }
}

/* What is needed while the graphs are built. */
typedef struct build {
    ogi_model *m;
    const ogi_model_options *opt;
    const og_arch *arch;
    og_hparams *hp;
    ogi_weights w;
    bool has_output; /* a weight for logits */
} build;

/* ---- the graphs ---------------------------------------------------------------------------- */

/* What a block made of x must be of x's shape. */
static og_tensor *check_block(og_decoder *d, int il, const og_tensor *x, og_tensor *y)
{
    og_graph *g = d->g;
    if (g->status != OG_OK || (x && y && ogi_shape_eq(&x->shape, &y->shape))) return y;
    ogi_buf text = { .ctx = g->ctx };
    ogi_buf_printf(&text, "architecture %s: the block of layer %d gives ", d->arch->name, il);
    if (y)
        ogi_shape_print(g, &y->shape, &text);
    else
        ogi_buf_puts(&text, "nothing (NULL)");
    ogi_buf_puts(&text, ", expected ");
    if (x) ogi_shape_print(g, &x->shape, &text);
    g->status = ogi_fail(g->ctx, OG_E_INVALID, __FILE__, __LINE__, "%s", ogi_buf_str(&text));
    ogi_buf_free(&text);
    return NULL;
}

static og_tensor *build_step(og_decoder *d)
{
    og_tensor *x = og_name(og_decoder_embed(d), "embd");
    for (int il = 0; il < d->hp->n_layer; il++) {
        og_decoder_layer(d, il);
        x = og_name(check_block(d, il, x, d->arch->block(d, il, x)), "blk.%d.out", il);
    }
    og_decoder_layers_end(d);
    return x;
}

static og_tensor *build_head(og_decoder *d)
{
    return og_decoder_logits(d, og_decoder_rows(d));
}

static og_tensor *build_embed(og_decoder *d)
{
    og_tensor *x = og_decoder_rows(d);
    return d->w->out_norm ? og_decoder_norm(d, x, d->w->out_norm, d->w->out_norm_b) : x;
}

static og_tensor *classified(og_decoder *d, og_tensor *x)
{
    const og_globals *w = d->w;
    if (!w->cls && !w->cls_out) {
        d->g->status = ogi_fail(d->g->ctx, OG_E_UNSUPPORTED, __FILE__, __LINE__,
                                "the model has no classifier (cls.weight, cls.output.weight)");
        return NULL;
    }
    if (w->cls) {
        x = og_decoder_linear(d, x, w->cls, w->cls_b);
        x = w->cls_norm ? og_decoder_norm(d, og_gelu(d->g, x), w->cls_norm, w->cls_norm_b)
                        : og_tanh(d->g, x);
    }
    return w->cls_out ? og_decoder_linear(d, x, w->cls_out, w->cls_out_b) : x;
}

/* Dense layers behind the pooling, or, for scores, the classifier. */
og_tensor *og_decoder_pool(og_decoder *d)
{
    if (!d) return NULL;
    const og_globals *w = d->w;
    og_tensor *x = og_decoder_pooled(d);
    if (d->pooling == OG_POOL_RANK) return classified(d, x);
    if (w->dense2) x = og_decoder_linear(d, x, w->dense2, w->dense2_b);
    return w->dense3 ? og_decoder_linear(d, x, w->dense3, w->dense3_b) : x;
}

/* Builders by default, by the order of ogi_kinds; NULL: only where the architecture has it. */
static og_tensor *(*const default_build[OGI_N_KIND])(og_decoder *d) = {
    NULL, build_step, build_head, build_embed, og_decoder_pool,
};

static const og_entry *find_entry(const og_entry *entry, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(entry[i].name, name)) return &entry[i];
    return NULL;
}

static og_status build_graph(build *b, const ogi_kind *k, og_tensor *(*fn)(og_decoder *d))
{
    ogi_model *m = b->m;
    og_graph *g = og_graph_new(m->ctx, k->name);
    if (!g) return OG_E_MEMORY;
    ogi_entry *e = &m->entry[m->n_entry++];
    *e = (ogi_entry){ k->name, g };
    size_t n_layer = (size_t)OGI_MAX(b->hp->n_layer, b->w.n_copy);
    ogi_decoder_own own = { .il = -1, .kv = b->opt->kv, .model = m, .weights = &b->w };
    own.hidden = m->hidden;
    own.n_row = m->n_row;
    own.stored_k = ogi_arena_alloc(&m->mem, n_layer, sizeof *own.stored_k);
    own.stored_v = ogi_arena_alloc(&m->mem, n_layer, sizeof *own.stored_v);
    own.is_declared = ogi_arena_alloc(&m->mem, n_layer, sizeof *own.is_declared);
    if (!own.stored_k || !own.stored_v || !own.is_declared) return OG_E_MEMORY;
    ogi_symbols_declare(m, k, g, &own.sym);
    OG_TRY(ogi_weights_declare(&b->w, g, -1));
    og_pooling pooling = m->is_ranked ? OG_POOL_RANK : (og_pooling)m->pooling;
    og_decoder d = { g, b->arch, b->hp, b->w.global, pooling, &own };
    if (k->of == OGI_OF_TOKENS) ogi_decoder_prepare(&d);
    og_tensor *x = fn(&d);
    og_output(g, k->output, x);
    OG_TRY(og_graph_status(g));
    OG_TRY(ogi_model_note_width(m, k, x));
    OG_TRY(ogi_graph_drop_dead(&e->graph));
    ogi_weights_note_read(&b->w, e->graph);
    return OG_OK;
}

/* A model without output gives no logits: the embeddings' graphs stand in the head's place. The
 * head is built beside them too, for the check of what is read. */
static bool is_wanted(const build *b, const char *name)
{
    const og_entry *own = find_entry(b->arch->entry, b->arch->n_entry, "head");
    bool has_head = own || b->arch->head || b->has_output;
    if (!strcmp(name, "head")) return has_head;
    if (!strcmp(name, "embed") || !strcmp(name, "pool")) return !has_head || b->opt->has_pooling;
    return true;
}

static og_status build_graphs(build *b)
{
    for (int i = 0; i < OGI_N_KIND; i++) {
        const ogi_kind *k = &ogi_kinds[i];
        const og_entry *own = find_entry(b->arch->entry, b->arch->n_entry, k->name);
        og_tensor *(*fn)(og_decoder *) = own ? own->build : default_build[i];
        if (fn && is_wanted(b, k->name)) OG_TRY(build_graph(b, k, fn));
    }
    return OG_OK;
}

og_graph *ogi_model_graph(const ogi_model *m, const char *entry)
{
    for (int i = 0; i < m->n_entry; i++)
        if (!strcmp(m->entry[i].name, entry)) return m->entry[i].graph;
    return NULL;
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* Which rows a sequence's embedding is of: asked for, said by the file, or the last of a causal
 * model and the mean of another; a classifier looks at the first, or at what the file says. */
static void find_pooling(build *b)
{
    ogi_model *m = b->m;
    bool is_asked = b->opt->has_pooling && b->opt->pooling >= 0;
    int of_file = b->hp->pooling, pooling = is_asked ? b->opt->pooling : of_file;
    m->is_ranked = pooling == OG_POOL_RANK;
    if (m->is_ranked) pooling = of_file > OG_POOL_NONE && of_file < OG_POOL_RANK ? of_file : -1;
    int of_rank = b->hp->rank_pooling, other = m->is_ranked ? OG_POOL_CLS : OG_POOL_MEAN;
    if (m->is_ranked && of_rank != OG_POOL_NONE) other = of_rank;
    m->pooling = pooling >= 0 ? pooling : m->is_causal ? OG_POOL_LAST : other;
}

/* The context of the run: learned positions end where their table ends, computed ones go on. */
static og_status find_context(build *b)
{
    const char *has = "has(pos_embd)", *has_out = "has(out)";
    ogi_hp_view view = { b->m->file, b->arch, b->hp, -1 };
    double is_learned, has_output;
    OG_TRY(ogi_hp_eval(b->m->ctx, &view, &has, &is_learned));
    OG_TRY(ogi_hp_eval(b->m->ctx, &view, &has_out, &has_output));
    b->has_output = has_output != 0;
    b->m->n_ctx = b->hp->n_ctx;
    if (is_learned == 0 || b->hp->n_ctx <= b->hp->n_ctx_train) return OG_OK;
    ogi_log(b->m->ctx, OG_LOG_WARN,
            "%s: the context is %d tokens, not %d: the model has learned no more positions",
            ogi_gguf_path(b->m->file), b->hp->n_ctx_train, b->hp->n_ctx);
    b->m->n_ctx = b->hp->n_ctx_train;
    return OG_OK;
}

static og_status read_hparams(build *b)
{
    ogi_model *m = b->m;
    OG_TRY(find_arch(m->ctx, m->file, &b->arch));
    b->hp = ogi_arena_alloc(&m->mem, 1, OGI_MAX(b->arch->hp_size, sizeof *b->hp));
    if (!b->hp) return OG_E_MEMORY;
    OG_TRY(ogi_hparams_read(m->ctx, m->file, b->arch, b->opt->n_ctx, b->hp));
    m->arch = b->arch->name;
    m->n_vocab = b->hp->n_vocab;
    m->n_embd = b->hp->n_embd;
    m->n_layer = b->hp->n_layer;
    m->n_ctx_train = b->hp->n_ctx_train;
    OG_TRY(find_context(b));
    m->is_causal = b->hp->is_causal;
    find_pooling(b);
    bool has_encoder = find_entry(b->arch->entry, b->arch->n_entry, "encode") != NULL;
    m->encode_tokens = has_encoder ? OGI_MAX(OGI_STEP_TOKENS, m->n_ctx) : 0;
    m->step_tokens = m->is_causal ? OGI_STEP_TOKENS : OGI_MAX(OGI_STEP_TOKENS, m->n_ctx);
    return OG_OK;
}

static og_status build_model(build *b)
{
    OG_TRY(read_hparams(b));
    b->w = (ogi_weights){
        .ctx = b->m->ctx, .file = b->m->file, .arch = b->arch, .hp = b->hp, .model = b->m
    };
    OG_TRY(ogi_weights_init(&b->w));
    OG_TRY(build_graphs(b));
    return ogi_weights_check(&b->w);
}

static og_status open_builtin(ogi_model *m, const ogi_model_options *opt)
{
    build *b = OGI_NEW(m->ctx, build);
    if (!b) return OG_E_MEMORY;
    b->m = m;
    b->opt = opt;
    og_status s = build_model(b);
    ogi_free(m->ctx, b);
    return s;
}

static og_status new_model(og_ctx *ctx, const ogi_gguf *file, ogi_model **out)
{
    ogi_model *m = *out = OGI_NEW(ctx, ogi_model);
    if (!m) return OG_E_MEMORY;
    m->ctx = m->mem.ctx = ctx;
    m->file = file;
    return OG_OK;
}

/* The same model, from what its graphs are as a text. */
static og_status open_again(const ogi_model *built, const ogi_model_options *opt, ogi_model *m)
{
    ogi_buf text = { .ctx = built->ctx };
    og_status s = ogi_model_print(built, &text);
    if (s == OG_OK) s = ogi_model_parse(m, opt, (ogi_sv){ text.p, text.n });
    ogi_buf_free(&text);
    return s;
}

static og_status open_text(ogi_model *m, const ogi_model_options *opt, const char *graph)
{
    ogi_buf text = { .ctx = m->ctx };
    og_status s = ogi_model_text_read(m->file, m->ctx, graph, &text);
    if (s == OG_OK) s = ogi_model_parse(m, opt, (ogi_sv){ text.p, text.n });
    ogi_buf_free(&text);
    return s;
}

bool ogi_model_is_embedded(const og_ctx *ctx, const ogi_gguf *file)
{
    const ogi_gguf_kv *name = ogi_gguf_find(file, "general.architecture");
    int64_t at = 0;
    bool has_name = name && name->type == OGI_GGUF_STR;
    if (has_name && ogi_arch_find(ctx, ogi_gguf_str_next(name, &at))) return false;
    return ogi_gguf_find(file, OGI_MODEL_TEXT_KEY) != NULL;
}

/* What is asked for; else the architecture, where it is known; else what the file brings along. */
static og_status open_graphs(ogi_model *m, const ogi_model_options *opt)
{
    bool is_embedded = !opt->graph && ogi_model_is_embedded(m->ctx, m->file);
    if (opt->graph) return open_text(m, opt, opt->graph);
    if (!is_embedded) return open_builtin(m, opt);
    ogi_log(m->ctx, OG_LOG_INFO, "%s: runs the graphs that are embedded in it",
            ogi_gguf_path(m->file));
    return open_text(m, opt, "embedded");
}

og_status ogi_model_open(og_ctx *ctx, const ogi_gguf *file, const ogi_model_options *opt,
                         ogi_model **out)
{
    ogi_model *m, *again = NULL;
    *out = NULL;
    OG_TRY(new_model(ctx, file, &m));
    og_status s = open_graphs(m, opt);
    if (s == OG_OK && opt->via_text) {
        s = new_model(ctx, file, &again);
        if (s == OG_OK) s = open_again(m, opt, again);
        ogi_model_close(m);
        m = again;
    }
    if (s != OG_OK) {
        ogi_model_close(m);
        return s;
    }
    *out = m;
    return OG_OK;
}

void ogi_model_close(ogi_model *m)
{
    if (!m) return;
    for (int i = 0; i < m->n_entry; i++) og_graph_free(m->entry[i].graph);
    ogi_free(m->ctx, m->weight);
    ogi_free(m->ctx, m->state);
    ogi_arena_free(&m->mem);
    ogi_free(m->ctx, m);
}
