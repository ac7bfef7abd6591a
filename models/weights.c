/* SPDX-License-Identifier: MIT
 *
 * Weights: finds the tensors of an architecture's table in a file, checks their shapes and declares
 * them in a graph under their names in the file. Their bytes are bound where they lie. */
#include <stdio.h>

#include "graph/dtype.h"
#include "models/arch_impl.h"

enum { NAME_MAX_ = 128 };

typedef struct wanted {
    ogi_weights *w;
    const og_weight_row *row;
    og_graph *g;
    int il; /* -1: a global */
} wanted;

static int64_t dim_of(const og_hparams *hp, int code)
{
    int64_t k = (int64_t)hp->n_head_kv * hp->head_k, v = (int64_t)hp->n_head_kv * hp->head_v;
    switch ((og_dim_code)code) {
    case OG_D_END: return 0;
    case OG_D_EMBD: return hp->n_embd;
    case OG_D_VOCAB: return hp->n_vocab;
    case OG_D_CTX: return hp->n_ctx_train;
    case OG_D_Q: return (int64_t)hp->n_head * hp->head_k;
    case OG_D_K: return k;
    case OG_D_V: return v;
    case OG_D_QKV: return (int64_t)hp->n_head * hp->head_k + k + v;
    case OG_D_ATTN: return (int64_t)hp->n_head * hp->head_v;
    case OG_D_HEAD: return hp->head_k;
    case OG_D_FF: return hp->n_ff;
    case OG_D_FF_X2: return 2 * (int64_t)hp->n_ff;
    case OG_D_EXPERT: return hp->n_expert;
    case OG_D_FF_EXP: return hp->n_ff_exp;
    case OG_D_PAIRS: return hp->n_rot / 2;
    case OG_D_SSM_INNER: return hp->ssm_inner;
    case OG_D_SSM_INNER_X2: return 2 * (int64_t)hp->ssm_inner;
    case OG_D_SSM_CONV: return hp->ssm_conv;
    case OG_D_SSM_STATE: return hp->ssm_state;
    case OG_D_SSM_RANK: return hp->ssm_rank;
    case OG_D_SSM_X: return hp->ssm_rank + 2 * (int64_t)hp->ssm_state;
    }
    return 0;
}

static int rank_of(const og_weight_row *row)
{
    int n = 0;
    while (n < OGI_LEN(row->dim) && row->dim[n] != OG_D_END) n++;
    return n;
}

/* Writes the name of alternative number i, for the layer; false behind the last. */
static bool name_of(const wanted *q, int i, char name[static NAME_MAX_])
{
    const char *p = q->row->name;
    for (; i > 0; i--) {
        p += strcspn(p, "|");
        if (!*p++) return false;
    }
    char one[NAME_MAX_];
    snprintf(one, sizeof one, "%.*s", (int)strcspn(p, "|"), p);
    char *mark = strstr(one, "%d");
    if (!mark)
        snprintf(name, NAME_MAX_, "%s", one);
    else
        snprintf(name, NAME_MAX_, "%.*s%d%s", (int)(mark - one), one, q->il, mark + 2);
    return true;
}

static const ogi_gguf_tensor *find_tensor(const wanted *q, char name[static NAME_MAX_])
{
    for (int i = 0; name_of(q, i, name); i++) {
        const ogi_gguf_tensor *t = ogi_gguf_tensor_find(q->w->file, ogi_sv_of(name));
        if (t) return t;
    }
    name_of(q, 0, name);
    return NULL;
}

/* "[128,64]", outermost first */
static void print_dims(ogi_buf *b, int rank, const int64_t *dim)
{
    ogi_buf_putc(b, '[');
    for (int i = 0; i < rank; i++) ogi_buf_printf(b, "%s%lld", i ? "," : "", (long long)dim[i]);
    ogi_buf_putc(b, ']');
}

static og_status check_shape(const wanted *q, const char *name, const ogi_gguf_tensor *t)
{
    int rank = rank_of(q->row);
    int64_t want[4] = { 1, 1, 1, 1 }, have[4] = { 1, 1, 1, 1 };
    bool fits = t->rank <= rank;
    for (int i = 0; i < rank; i++) want[i] = dim_of(q->w->hp, q->row->dim[i]);
    for (int i = 0; i < t->rank && i < 4; i++) have[t->rank - 1 - i] = t->dim[i];
    for (int i = 0; i < 4; i++) /* axes of size 1 may be left out in front */
        fits &= (i < rank ? want[rank - 1 - i] : 1) == (i < t->rank ? t->dim[i] : 1);
    if (fits) return OG_OK;
    og_ctx *ctx = q->w->ctx;
    ogi_buf a = { .ctx = ctx }, b = { .ctx = ctx };
    print_dims(&a, t->rank, have);
    print_dims(&b, rank, want);
    og_status s = ogi_fail(ctx, OG_E_FORMAT, __FILE__, __LINE__,
                           "%s: tensor '%s' is %s, expected %s (outermost first)",
                           ogi_gguf_path(q->w->file), name, ogi_buf_str(&a), ogi_buf_str(&b));
    ogi_buf_free(&a);
    ogi_buf_free(&b);
    return s;
}

static og_status add_binding(ogi_weights *w, const char *name, const ogi_gguf_tensor *t)
{
    ogi_model *m = w->model;
    for (int i = 0; i < m->n_weight; i++)
        if (!strcmp(m->weight[i].name, name)) return OG_OK; /* tied: of the other graph too */
    OG_TRY(ogi_grow(w->ctx, &m->weight, &w->binding_cap, m->n_weight + 1, sizeof *m->weight));
    const char *kept = ogi_arena_strndup(&m->mem, name, strlen(name));
    if (!kept) return OG_E_MEMORY;
    m->weight[m->n_weight++] = (ogi_binding){ kept, t->data, t->size };
    return OG_OK;
}

static og_status declare_tensor(const wanted *q, const char *name, const ogi_gguf_tensor *t,
                                void *field)
{
    if (q->row->flags & OG_W_FLOATS) {
        if (t->type != OG_F32)
            OG_FAIL(q->w->ctx, OG_E_FORMAT, "%s: tensor '%s' is %s, expected F32",
                    ogi_gguf_path(q->w->file), name, og_dtype_name((og_dtype)t->type));
        *(og_floats *)field = (og_floats){ t->data, t->dim[0] };
        return OG_OK;
    }
    const ogi_dtype *type = ogi_dtype_info(t->type);
    bool is_real = t->type == OG_F32 || t->type == OG_F16 || t->type == OG_BF16;
    if (!is_real && !(type && type->is_quantized))
        OG_FAIL(q->w->ctx, OG_E_FORMAT, "%s: tensor '%s' is %s, expected a float or quantized type",
                ogi_gguf_path(q->w->file), name, og_dtype_name((og_dtype)t->type));
    og_shape shape = { .rank = rank_of(q->row) };
    for (int i = 0; i < shape.rank; i++) shape.dim[i] = OG_N(dim_of(q->w->hp, q->row->dim[i]));
    og_tensor *x = og_weight(q->g, name, (og_dtype)t->type, shape);
    if (!x) return og_graph_status(q->g);
    *(og_tensor **)field = x;
    return add_binding(q->w, name, t);
}

static bool is_excused(const wanted *q)
{
    const og_weight_row *row = q->row;
    if (row->flags & OG_W_OPTIONAL) return true;
    if (row->unless == 0 || q->il < 0) return false;
    const char *layer = (const char *)&q->w->layer[q->il];
    return *(og_tensor *const *)(const void *)(layer + row->unless - 1) != NULL;
}

static og_status declare_row(const wanted *q)
{
    const ogi_weights *w = q->w;
    char name[NAME_MAX_];
    const ogi_gguf_tensor *t = find_tensor(q, name);
    if (!t) {
        if (is_excused(q)) return OG_OK;
        OG_FAIL(w->ctx, OG_E_FORMAT, "%s: tensor '%s' is missing; architecture %s needs it",
                ogi_gguf_path(w->file), name, w->arch->name);
    }
    char *base = q->il < 0 ? (char *)&q->w->global : (char *)&q->w->layer[q->il];
    OG_TRY(check_shape(q, name, t));
    w->is_used[t - ogi_gguf_tensor_at(w->file, 0)] = true;
    return declare_tensor(q, name, t, base + q->row->offset);
}

og_status ogi_weights_declare(ogi_weights *w, og_graph *g, bool is_head, int il)
{
    for (int i = 0; i < w->arch->n_weight; i++) {
        wanted q = { .w = w, .row = &w->arch->weight[i], .g = g, .il = il };
        unsigned flags = q.row->flags;
        if (((flags & OG_W_HEAD) != 0) != is_head) continue;
        if ((strstr(q.row->name, "%d") != NULL) != (il >= 0)) continue;
        if (flags & OG_W_DENSE && w->hp->n_expert > 0) continue;
        if (flags & OG_W_MOE && w->hp->n_expert == 0) continue;
        OG_TRY(declare_row(&q));
    }
    return OG_OK;
}

og_status ogi_weights_check_unused(const ogi_weights *w)
{
    for (int64_t i = 0; i < ogi_gguf_tensor_count(w->file); i++) {
        const ogi_gguf_tensor *t = ogi_gguf_tensor_at(w->file, i);
        if (w->is_used[i]) continue;
        OG_FAIL(w->ctx, OG_E_UNSUPPORTED, "%s: tensor '%.*s' is none that architecture %s has",
                ogi_gguf_path(w->file), (int)OGI_MIN(t->name.n, 200), t->name.p, w->arch->name);
    }
    return OG_OK;
}
