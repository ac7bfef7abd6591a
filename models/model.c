/* SPDX-License-Identifier: MIT
 *
 * From a GGUF file to a model: finds the architecture, reads its hyperparameters, declares its
 * weights and builds the graphs of a step and of the head. */
#include "models/model.h"

#include "graph/dtype.h"
#include "models/arch/arch.h"
#include "models/arch_impl.h"
#include "ops/attention.h"

enum {
    MAX_PAGES = 1 << 24, /* of a sequence, and of the pool */
    MAX_SLOTS = 1 << 16, /* of recurrent states */
    MAX_NAME = 64
};

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
    if (!arch || !arch->name || !arch->block || !arch->key || !arch->weight)
        OG_FAIL(ctx, OG_E_INVALID, "an architecture needs name, key, weight and block");
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

/* What is needed while the two graphs are built. */
typedef struct build {
    ogi_model *m;
    const ogi_model_options *opt;
    const og_arch *arch;
    og_hparams hp;
    ogi_weights w;
} build;

static og_tensor *embed(og_decoder *d, og_tensor *token)
{
    if (d->arch->embed) return d->arch->embed(d, token);
    og_tensor *x = og_take_rows(d->g, d->w->tok_embd, token);
    return d->hp->embd_scale > 0 ? og_scale(d->g, x, d->hp->embd_scale, 0) : x;
}

/* The context of the run: learned positions end where their table ends, computed ones go on. */
static int64_t context_of(const build *b)
{
    const og_tensor *pos = b->w.global.pos_embd;
    if (!pos || b->hp.n_ctx <= pos->shape.dim[0].b) return b->hp.n_ctx;
    ogi_log(b->m->ctx, OG_LOG_WARN,
            "%s: the context is %lld tokens, not %d: the model has learned no more positions",
            ogi_gguf_path(b->m->file), (long long)pos->shape.dim[0].b, b->hp.n_ctx);
    return pos->shape.dim[0].b;
}

static og_status build_step(build *b)
{
    og_ctx *ctx = b->m->ctx;
    og_graph *g = b->m->step = og_graph_new(ctx, "step");
    if (!g) return OG_E_MEMORY;
    ogi_decoder_own own = { .il = -1, .kv = b->opt->kv, .model = b->m };
    own.T = og_sym(g, "T", 1, OGI_STEP_TOKENS);
    own.S = og_sym(g, "S", 1, OGI_STEP_SEQS);
    own.P = og_sym(g, "P", 1, MAX_PAGES);
    own.N = og_sym(g, "N", 1, MAX_PAGES);
    own.M = og_sym(g, "M", 1, MAX_SLOTS);
    og_tensor *token = og_input(g, "token", OG_I32, OG_SHAPE(own.T));
    OG_TRY(ogi_weights_declare(&b->w, g, false, -1));
    og_decoder d = { g, b->arch, &b->hp, &b->w.global, b->w.layer, &own };
    og_tensor *x = embed(&d, token);
    ogi_decoder_prepare(&d);
    for (int il = 0; il < b->hp.n_layer; il++) {
        own.il = il;
        og_graph_layer(g, il);
        OG_TRY(ogi_weights_declare(&b->w, g, false, il));
        x = b->arch->block(&d, il, x);
    }
    og_graph_layer(g, -1);
    og_output(g, "hidden", x);
    return og_graph_status(g);
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

static og_status build_head(build *b)
{
    og_ctx *ctx = b->m->ctx;
    og_graph *g = b->m->head = og_graph_new(ctx, "head");
    if (!g) return OG_E_MEMORY;
    og_dim O = og_sym(g, "O", 1, OGI_HEAD_ROWS), T = og_sym(g, "T", 1, OGI_STEP_TOKENS);
    og_tensor *hidden = og_input(g, "hidden", OG_F32, OG_SHAPE(T, OG_N(b->hp.n_embd)));
    og_tensor *row = og_input(g, "out_row", OG_I32, OG_SHAPE(O));
    OG_TRY(ogi_weights_declare(&b->w, g, true, -1));
    ogi_decoder_own own = { .T = T, .il = -1, .model = b->m };
    og_decoder d = { g, b->arch, &b->hp, &b->w.global, b->w.layer, &own };
    og_tensor *x = og_take_rows(g, hidden, row);
    if (b->arch->head) {
        x = b->arch->head(&d, x);
    } else {
        x = og_decoder_norm(&d, x, b->w.global.out_norm, b->w.global.out_norm_b);
        x = og_decoder_linear(&d, x, b->w.global.out, b->w.global.out_b);
        x = og_decoder_softcap(&d, x, b->hp.final_softcap);
    }
    og_output(g, "logits", x);
    return og_graph_status(g);
}

static og_status build_model(build *b)
{
    ogi_model *m = b->m;
    OG_TRY(find_arch(m->ctx, m->file, &b->arch));
    OG_TRY(ogi_hparams_read(m->ctx, m->file, b->arch, b->opt->n_ctx, &b->hp));
    int64_t n_tensor = ogi_gguf_tensor_count(m->file);
    b->w =
        (ogi_weights){ .ctx = m->ctx, .file = m->file, .arch = b->arch, .hp = &b->hp, .model = m };
    b->w.layer = ogi_arena_alloc(&m->mem, (size_t)b->hp.n_layer, sizeof *b->w.layer);
    b->w.is_used = ogi_arena_alloc(&m->mem, (size_t)n_tensor + 1, sizeof *b->w.is_used);
    if (!b->w.layer || !b->w.is_used) return OG_E_MEMORY;
    OG_TRY(build_step(b));
    OG_TRY(build_head(b));
    OG_TRY(ogi_weights_check_unused(&b->w));
    m->arch = b->arch->name;
    m->n_vocab = b->hp.n_vocab;
    m->n_embd = b->hp.n_embd;
    m->n_layer = b->hp.n_layer;
    m->n_ctx_train = b->hp.n_ctx_train;
    m->n_ctx = context_of(b);
    return OG_OK;
}

og_status ogi_model_open(og_ctx *ctx, const ogi_gguf *file, const ogi_model_options *opt,
                         ogi_model **out)
{
    *out = NULL;
    build *b = OGI_NEW(ctx, build);
    ogi_model *m = b ? OGI_NEW(ctx, ogi_model) : NULL;
    og_status s = OG_E_MEMORY;
    if (m) {
        m->ctx = m->mem.ctx = ctx;
        m->file = file;
        b->m = m;
        b->opt = opt;
        s = build_model(b);
    }
    ogi_free(ctx, b);
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
    og_graph_free(m->step);
    og_graph_free(m->head);
    ogi_free(m->ctx, m->weight);
    ogi_free(m->ctx, m->state);
    ogi_arena_free(&m->mem);
    ogi_free(m->ctx, m);
}
