/* SPDX-License-Identifier: MIT
 *
 * Weights: finds the tensors of an architecture's table in a file, checks their shapes and declares
 * them in a graph under their names in the file. Their bytes are bound where they lie. */
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>

#include "graph/dtype.h"
#include "models/arch_impl.h"
#include "ops/op.h"

typedef struct wanted {
    ogi_weights *w;
    const og_weight_row *row;
    og_graph *g;
    int il; /* -1: a global */
    int rank;
    int64_t dim[4];
} wanted;

/* Writes the name of alternative number i, for the layer; false behind the last. */
static bool name_of(const og_weight_row *row, int il, int i, char name[static OGI_WEIGHT_NAME])
{
    const char *p = row->name;
    for (; i > 0; i--) {
        p += strcspn(p, "|");
        if (!*p++) return false;
    }
    char one[OGI_WEIGHT_NAME];
    snprintf(one, sizeof one, "%.*s", (int)strcspn(p, "|"), p);
    char *mark = strstr(one, "%d");
    if (!mark)
        snprintf(name, OGI_WEIGHT_NAME, "%s", one);
    else
        snprintf(name, OGI_WEIGHT_NAME, "%.*s%d%s", (int)(mark - one), one, il, mark + 2);
    return true;
}

int ogi_own_layer(const og_hparams *hp, int il)
{
    return il >= 0 && hp->n_own_layer > 0 ? il % hp->n_own_layer : il;
}

const ogi_gguf_tensor *ogi_weight_find(const ogi_gguf *f, const og_weight_row *row, int il,
                                       char *name)
{
    char own[OGI_WEIGHT_NAME];
    if (!name) name = own;
    for (int i = 0; name_of(row, il, i, name); i++) {
        const ogi_gguf_tensor *t = ogi_gguf_tensor_find(f, ogi_sv_of(name));
        if (t) return t;
    }
    name_of(row, il, 0, name);
    return NULL;
}

static bool is_layered(const og_weight_row *row)
{
    return strstr(row->name, "%d") != NULL;
}

static og_status eval(const ogi_weights *w, int il, const char **at, double *out)
{
    ogi_hp_view view = { w->file, w->arch, w->hp, il };
    return ogi_hp_eval(w->ctx, &view, at, out);
}

static og_status copies_of(const ogi_weights *w, const og_weight_row *row, int *out)
{
    double n = w->hp->n_layer;
    const char *at = row->count;
    if (at) OG_TRY(eval(w, -1, &at, &n));
    if (!(n >= 0 && n <= OG_MAX_LAYER))
        OG_FAIL(w->ctx, OG_E_FORMAT, "%s: '%s' has %.10g copies, expected 0..%d",
                ogi_gguf_path(w->file), row->name, n, OG_MAX_LAYER);
    *out = (int)n;
    return OG_OK;
}

og_status ogi_weights_init(ogi_weights *w)
{
    ogi_arena *mem = &w->model->mem;
    size_t n_tensor = (size_t)ogi_gguf_tensor_count(w->file) + 1;
    w->n_copy = w->hp->n_layer;
    for (int i = 0; i < w->arch->n_weight; i++) {
        int n = 0;
        if (is_layered(&w->arch->weight[i])) OG_TRY(copies_of(w, &w->arch->weight[i], &n));
        w->n_copy = OGI_MAX(w->n_copy, n);
    }
    size_t globals = OGI_MAX(w->arch->globals_size, sizeof(og_globals));
    w->global = ogi_arena_alloc(mem, 1, globals);
    w->layer = ogi_arena_alloc(mem, (size_t)w->n_copy, ogi_layer_size(w->arch));
    w->is_known = ogi_arena_alloc(mem, n_tensor, sizeof *w->is_known);
    w->is_read = ogi_arena_alloc(mem, n_tensor, sizeof *w->is_read);
    return w->global && w->layer && w->is_known && w->is_read ? OG_OK : OG_E_MEMORY;
}

static og_status eval_shape(wanted *q, const char *name)
{
    const char *at = q->row->shape;
    for (q->rank = 0; q->rank < OGI_LEN(q->dim); at++) {
        const char *begin = at;
        double v;
        OG_TRY(eval(q->w, q->il, &at, &v));
        if (!(v >= 0 && v < 0x1p53) || v != floor(v))
            OG_FAIL(q->w->ctx, OG_E_FORMAT, "%s: tensor '%s': %.*s is %.10g, expected a size",
                    ogi_gguf_path(q->w->file), name, (int)(at - begin), begin, v);
        q->dim[q->rank++] = (int64_t)v;
        if (!*at) return OG_OK;
    }
    OG_FAIL(q->w->ctx, OG_E_INVALID, "the shape '%s' has more than 4 axes", q->row->shape);
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
    int64_t have[4] = { 1, 1, 1, 1 };
    bool fits = t->rank <= q->rank;
    for (int i = 0; i < t->rank && i < 4; i++) have[t->rank - 1 - i] = t->dim[i];
    for (int i = 0; i < 4; i++) /* axes of size 1 may be left out in front */
        fits &= (i < q->rank ? q->dim[q->rank - 1 - i] : 1) == (i < t->rank ? t->dim[i] : 1);
    if (fits) return OG_OK;
    og_ctx *ctx = q->w->ctx;
    ogi_buf a = { .ctx = ctx }, b = { .ctx = ctx };
    print_dims(&a, t->rank, have);
    print_dims(&b, q->rank, q->dim);
    og_status s = ogi_fail(ctx, OG_E_FORMAT, __FILE__, __LINE__,
                           "%s: tensor '%s' is %s, expected %s (outermost first)",
                           ogi_gguf_path(q->w->file), name, ogi_buf_str(&a), ogi_buf_str(&b));
    ogi_buf_free(&a);
    ogi_buf_free(&b);
    return s;
}

static og_status wrong_type(const wanted *q, const char *name, int type, const char *want)
{
    OG_FAIL(q->w->ctx, OG_E_FORMAT, "%s: tensor '%s' is %s, expected %s", ogi_gguf_path(q->w->file),
            name, og_dtype_name((og_dtype)type), want);
}

/* The bytes behind a weight, once for all graphs. */
static og_status add_binding(ogi_weights *w, const char *name, const ogi_gguf_tensor *t)
{
    ogi_model *m = w->model;
    bool *is_known = &w->is_known[t - ogi_gguf_tensor_at(w->file, 0)];
    if (*is_known) return OG_OK;
    OG_TRY(ogi_grow(w->ctx, &m->weight, &m->weight_cap, m->n_weight + 1, sizeof *m->weight));
    const char *kept = ogi_arena_strndup(&m->mem, name, strlen(name));
    if (!kept) return OG_E_MEMORY;
    m->weight[m->n_weight++] = (ogi_binding){ kept, t->data, t->size };
    *is_known = true;
    return OG_OK;
}

static og_status check_type(const wanted *q, const char *name, int id)
{
    if (q->row->flags & OG_W_FLOATS) return id == OG_F32 ? OG_OK : wrong_type(q, name, id, "F32");
    if (q->row->flags & OG_W_INTS) return id == OG_I32 ? OG_OK : wrong_type(q, name, id, "I32");
    if (ogi_is_real((og_dtype)id)) return OG_OK;
    OG_FAIL(
        q->w->ctx, OG_E_UNSUPPORTED,
        "%s: tensor '%s' is %s (type %d), which no such weight may be; convert the model to F32, "
        "F16, BF16 or a quantized type",
        ogi_gguf_path(q->w->file), name, og_dtype_name((og_dtype)id), id);
}

/* Two fields may be one weight, as a tied output is. */
static og_tensor *weight_of(const wanted *q, const char *name, int type)
{
    char key[OGI_WEIGHT_NAME + 8];
    snprintf(key, sizeof key, "weight:%s", name);
    int64_t id = ogi_map_get(&q->g->leaf, ogi_sv_of(key), -1);
    if (id >= 0) return q->g->node[id];
    og_shape shape = { .rank = q->rank };
    for (int i = 0; i < q->rank; i++) shape.dim[i] = OG_N(q->dim[i]);
    return og_weight(q->g, name, (og_dtype)type, shape);
}

/* Is it the row's first name, of any layer? */
static bool is_named(const og_weight_row *row, const char *name)
{
    const char *mark = strstr(row->name, "%d");
    if (!mark) return !strcmp(row->name, name);
    size_t n = (size_t)(mark - row->name);
    if (strncmp(row->name, name, n) != 0) return false;
    return !strcmp(mark + 2, name + n + strspn(name + n, "0123456789"));
}

/* "X.scale" beside "X.weight": what its products are multiplied by, as NVFP4 and BitNet files have
 * it; n numbers. */
static og_status declare_scale(const wanted *q, const char *weight, int64_t n)
{
    static const og_weight_row row = { .shape = "1" };
    const char *end = strstr(weight, ".weight");
    char name[OGI_WEIGHT_NAME];
    if (!end || end[7]) return OG_OK;
    snprintf(name, sizeof name, "%.*s.scale", (int)(end - weight), weight);
    const ogi_gguf_tensor *t = ogi_gguf_tensor_find(q->w->file, ogi_sv_of(name));
    for (int i = 0; t && i < q->w->arch->n_weight; i++)
        if (is_named(&q->w->arch->weight[i], name)) t = NULL; /* the architecture's own */
    if (!t) return OG_OK;
    wanted s = { .w = q->w, .row = &row, .g = q->g, .il = q->il, .rank = 1, .dim = { n } };
    if (t->type != OG_F32) return wrong_type(&s, name, t->type, "F32");
    OG_TRY(check_shape(&s, name, t));
    return weight_of(&s, name, t->type) ? add_binding(q->w, name, t) : og_graph_status(q->g);
}

static og_status declare_tensor(const wanted *q, const char *name, const ogi_gguf_tensor *t,
                                void *field)
{
    OG_TRY(check_type(q, name, t->type));
    if (q->row->flags & OG_W_FLOATS) {
        int64_t at = t - ogi_gguf_tensor_at(q->w->file, 0);
        *(og_floats *)field = (og_floats){ t->data, t->dim[0] };
        q->w->is_known[at] = q->w->is_read[at] = true;
        return OG_OK;
    }
    og_tensor *x = weight_of(q, name, t->type);
    if (!x) return og_graph_status(q->g);
    *(og_tensor **)field = x;
    OG_TRY(add_binding(q->w, name, t));
    return declare_scale(q, name, t->rank == 3 ? q->dim[0] : 1);
}

static og_status declare_row(wanted *q)
{
    const ogi_weights *w = q->w;
    char name[OGI_WEIGHT_NAME];
    const char *when = q->row->when;
    double holds = 1;
    if (when) OG_TRY(eval(w, q->il, &when, &holds));
    if (holds == 0) return OG_OK;
    const ogi_gguf_tensor *t = ogi_weight_find(w->file, q->row, ogi_own_layer(w->hp, q->il), name);
    if (!t) {
        if (q->row->flags & OG_W_OPTIONAL) return OG_OK;
        OG_FAIL(w->ctx, OG_E_FORMAT, "%s: tensor '%s' is missing; architecture %s needs it",
                ogi_gguf_path(w->file), name, w->arch->name);
    }
    char *base = q->il < 0 ? (char *)w->global : w->layer + (size_t)q->il * ogi_layer_size(w->arch);
    OG_TRY(eval_shape(q, name));
    OG_TRY(check_shape(q, name, t));
    return declare_tensor(q, name, t, base + q->row->offset);
}

og_status ogi_weights_declare(ogi_weights *w, og_graph *g, int il)
{
    for (int i = 0; i < w->arch->n_weight; i++) {
        wanted q = { .w = w, .row = &w->arch->weight[i], .g = g, .il = il };
        int n = 0;
        if (q.row->flags & OG_W_UNUSED || is_layered(q.row) != (il >= 0)) continue;
        if (il >= 0) OG_TRY(copies_of(w, q.row, &n));
        if (il >= n && il >= 0) continue;
        OG_TRY(declare_row(&q));
    }
    return OG_OK;
}

/* ---- what is read -------------------------------------------------------------------------- */

void ogi_weights_note_read(ogi_weights *w, const og_graph *g)
{
    for (int64_t i = 0; i < g->n_node; i++) {
        if (g->node[i]->op != OG_OP_WEIGHT) continue;
        const ogi_gguf_tensor *t = ogi_gguf_tensor_find(w->file, ogi_sv_of(g->node[i]->name));
        if (t) w->is_read[t - ogi_gguf_tensor_at(w->file, 0)] = true;
    }
}

/* A weight of a layer behind the last that runs: those that predict further tokens. */
static bool is_behind(const ogi_weights *w, const char *name)
{
    int il;
    return w->hp->n_nextn > 0 && sscanf(name, "blk.%d.", &il) == 1 && il >= w->hp->n_layer &&
           il < w->hp->n_block;
}

/* May the tensor rest: by its row, or by where it lies? */
static bool is_left_out(const ogi_weights *w, const char *name)
{
    for (int i = 0; i < w->arch->n_weight; i++) {
        const og_weight_row *row = &w->arch->weight[i];
        if (row->flags & OG_W_UNUSED && fnmatch(row->name, name, 0) == 0) return true;
        if (row->flags & OG_W_MAYBE && is_named(row, name)) return true;
    }
    return is_behind(w, name);
}

og_status ogi_weights_check(const ogi_weights *w)
{
    for (int64_t i = 0; i < ogi_gguf_tensor_count(w->file); i++) {
        const ogi_gguf_tensor *t = ogi_gguf_tensor_at(w->file, i);
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)OGI_MIN(t->name.n, 200), t->name.p);
        if (w->is_read[i] || is_left_out(w, name)) continue;
        OG_FAIL(w->ctx, OG_E_UNSUPPORTED, "%s: tensor '%s' is %s architecture %s %s",
                ogi_gguf_path(w->file), name, w->is_known[i] ? "read by no graph of" : "none that",
                w->arch->name, w->is_known[i] ? "here" : "has");
    }
    return OG_OK;
}
