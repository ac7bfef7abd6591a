/* SPDX-License-Identifier: MIT
 *
 * What graphs of an architecture share: inputs, layers, states; and the small blocks. */
#include <stdio.h>

#include "graph/dtype.h"
#include "graph/layout.h"
#include "models/arch_impl.h"

/* ---- inputs and layers --------------------------------------------------------------------- */

bool ogi_decoder_has_layer(og_decoder *d, int il)
{
    if (!d || d->g->status != OG_OK) return false;
    if (il >= 0 && il < d->own->weights->n_copy && il < OG_MAX_LAYER) return true;
    d->g->status = ogi_fail(d->g->ctx, OG_E_INVALID, __FILE__, __LINE__,
                            "architecture %s: there is no layer %d", d->arch->name, il);
    return false;
}

og_tensor *og_decoder_input(og_decoder *d, og_step_input which)
{
    if (!d || (unsigned)which >= OG_STEP_INPUT_COUNT) return NULL;
    ogi_decoder_own *o = d->own;
    if (!o->input[which]) {
        og_shape shape;
        const char *name = ogi_step_input(which, &o->sym, &shape);
        og_graph_layer(d->g, -1);
        o->input[which] = og_input(d->g, name, OG_I32, shape);
        og_graph_layer(d->g, o->il);
    }
    return o->input[which];
}

void ogi_decoder_prepare(og_decoder *d)
{
    for (int i = 0; i < OG_STEP_INPUT_COUNT; i++) og_decoder_input(d, (og_step_input)i);
    for (int il = 0; il < d->hp->n_layer; il++) {
        const og_layer_hp *h = &d->hp->layer[il];
        if (h->has_rope && h->n_head > 0)
            ogi_decoder_rope_table(d, il, d->hp->kv_rank ? h->n_rot : h->head_k, &(og_turn){ 0 },
                                   &(og_rope_args){ 0 });
    }
}

const void *og_decoder_layer(og_decoder *d, int il)
{
    if (!d) return NULL;
    ogi_decoder_own *o = d->own;
    ogi_weights *w = o->weights;
    if (il < 0 || il >= w->n_copy) { /* a block may look into what it gets: the graph has failed */
        ogi_decoder_has_layer(d, il);
        il = 0;
    }
    o->il = il;
    og_graph_layer(d->g, il);
    if (!o->is_declared[il]) {
        o->is_declared[il] = true;
        og_status s = ogi_weights_declare(w, d->g, il);
        if (s != OG_OK && d->g->status == OG_OK) d->g->status = s;
    }
    return w->layer + (size_t)il * ogi_layer_size(d->arch);
}

void og_decoder_layers_end(og_decoder *d)
{
    if (!d) return;
    d->own->il = -1;
    og_graph_layer(d->g, -1);
}

og_tensor *og_decoder_rows(og_decoder *d)
{
    if (!d) return NULL;
    ogi_decoder_own *o = d->own;
    if (o->rows) return o->rows;
    og_tensor *hidden = og_input(d->g, "hidden", OG_F32, OG_SHAPE(o->sym.T, OG_N(o->hidden)));
    og_tensor *row = og_input(d->g, "out_row", OG_I32, OG_SHAPE(o->sym.O));
    return o->rows = og_take_rows(d->g, hidden, row);
}

og_tensor *og_decoder_pooled(og_decoder *d)
{
    if (!d) return NULL;
    ogi_decoder_own *o = d->own;
    if (!o->rows) o->rows = og_input(d->g, "row", OG_F32, OG_SHAPE(o->sym.O, OG_N(o->n_row)));
    return o->rows;
}

og_dim og_decoder_tokens(const og_decoder *d, int64_t n)
{
    return d ? og_dim_mul(d->own->sym.T, n) : (og_dim){ .c = -1 }; /* of no graph */
}

/* ---- states -------------------------------------------------------------------------------- */

static og_tensor *add_state(og_decoder *d, const char *name, og_dtype type, og_shape shape,
                            bool is_paged)
{
    og_tensor *x = og_state(d->g, name, type, shape);
    if (!x) return NULL;
    og_status s = ogi_model_add_state(d->own->model, x, is_paged);
    if (s == OG_OK) return x;
    d->g->status = s;
    return NULL;
}

og_tensor *og_decoder_state(og_decoder *d, const char *name, int il, og_shape per_slot)
{
    char full[64];
    if (!name || per_slot.rank < 0 || per_slot.rank >= OG_MAX_RANK) return NULL;
    if (!ogi_decoder_has_layer(d, il)) return NULL;
    snprintf(full, sizeof full, "%s.%d", name, il);
    og_shape shape = { .rank = per_slot.rank + 1, .dim = { d->own->sym.M } };
    for (int i = 0; i < per_slot.rank; i++) shape.dim[i + 1] = per_slot.dim[i];
    return add_state(d, full, OG_F32, shape, false);
}

og_tensor *ogi_decoder_pages_as(og_decoder *d, og_dtype type, const char *name, int il,
                                int64_t n_head, int64_t n_row, int64_t dim)
{
    char full[64];
    const ogi_dtype *info = ogi_dtype_info((int64_t)type);
    if (dim % info->block) {
        d->g->status = ogi_fail(d->g->ctx, OG_E_UNSUPPORTED, __FILE__, __LINE__,
                                "%s as %s: a head of %lld values is no whole blocks of %d; "
                                "try --kv f16",
                                name, info->name, (long long)dim, info->block);
        return NULL;
    }
    snprintf(full, sizeof full, "%s.%d", name, il);
    return add_state(d, full, type, OG_SHAPE(d->own->sym.N, OG_N(n_head), OG_N(n_row), OG_N(dim)),
                     true);
}

og_tensor *og_decoder_pages(og_decoder *d, const char *name, int il, int64_t n_head, int64_t n_row,
                            int64_t dim)
{
    if (!name || !ogi_decoder_has_layer(d, il)) return NULL;
    return ogi_decoder_pages_as(d, d->own->kv.k, name, il, n_head, n_row, dim);
}

og_tensor *og_decoder_store(og_decoder *d, const char *name, int il, og_tensor *x, int64_t n_head)
{
    if (!name || n_head < 1 || !ogi_decoder_has_layer(d, il)) return NULL;
    og_shape s = og_tensor_shape(x);
    int64_t dim = s.rank == 2 ? s.dim[1].b / n_head : 0;
    og_tensor *y = og_reshape(d->g, x, OG_SHAPE(d->own->sym.T, OG_N(n_head), OG_N(dim)));
    if (!y) return NULL;
    og_tensor *pages = og_decoder_pages(d, name, il, n_head, OGI_PAGE, dim);
    return og_kv_store(d->g, pages, y, og_decoder_input(d, OG_STEP_KV_SLOT));
}

/* ---- small blocks -------------------------------------------------------------------------- */

og_tensor *ogi_decoder_norm_eps(og_decoder *d, og_norm_kind kind, float eps, og_tensor *x,
                                og_tensor *w, og_tensor *b)
{
    if (kind == OG_NORM_DEFAULT) kind = d->hp->norm;
    if (kind == OG_NORM_DEFAULT) kind = d->arch->norm;
    og_tensor *y = kind == OG_NORM_LAYER ? og_layer_norm(d->g, x, eps) : og_rms_norm(d->g, x, eps);
    if (w) y = og_mul(d->g, y, w);
    return b ? og_add(d->g, y, b) : y;
}

og_tensor *og_decoder_norm_as(og_decoder *d, og_norm_kind kind, og_tensor *x, og_tensor *w,
                              og_tensor *b)
{
    return d ? ogi_decoder_norm_eps(d, kind, d->hp->eps, x, w, b) : NULL;
}

og_tensor *og_decoder_norm(og_decoder *d, og_tensor *x, og_tensor *w, og_tensor *b)
{
    return og_decoder_norm_as(d, OG_NORM_DEFAULT, x, w, b);
}

og_tensor *ogi_decoder_scale_of(const og_decoder *d, const og_tensor *w)
{
    static const char end[] = ".weight";
    char key[OGI_WEIGHT_NAME + 8];
    w = w ? ogi_root(w) : NULL;
    size_t n = w && w->op == OG_OP_WEIGHT ? strlen(w->name) : 0, n_end = sizeof end - 1;
    if (n < n_end || strcmp(w->name + n - n_end, end)) return NULL;
    snprintf(key, sizeof key, "weight:%.*s.scale", (int)(n - n_end), w->name);
    int64_t id = ogi_map_get(&d->g->leaf, ogi_sv_of(key), -1);
    return id >= 0 ? d->g->node[id] : NULL;
}

og_tensor *og_decoder_linear(og_decoder *d, og_tensor *x, og_tensor *w, og_tensor *b)
{
    if (!d) return NULL;
    og_tensor *y = og_linear(d->g, x, w);
    og_tensor *scale = ogi_decoder_scale_of(d, w);
    if (scale) y = og_mul(d->g, y, scale);
    return b ? og_add(d->g, y, b) : y;
}

og_tensor *og_decoder_softcap(og_decoder *d, og_tensor *x, float c)
{
    if (!d || c == 0) return x;
    return og_scale(d->g, og_tanh(d->g, og_scale(d->g, x, 1 / c, 0)), c, 0);
}

og_tensor *og_decoder_scale(og_decoder *d, og_tensor *x, float s)
{
    return !d || s == 0 || s == 1 ? x : og_scale(d->g, x, s, 0);
}

og_tensor *og_relu2(og_graph *g, og_tensor *x)
{
    return og_sqr(g, og_relu(g, x));
}

/* ---- the ends of a model ------------------------------------------------------------------- */

og_tensor *og_decoder_embed(og_decoder *d)
{
    if (!d) return NULL;
    og_tensor *token = og_decoder_input(d, OG_STEP_TOKEN);
    if (d->arch->embed) return d->arch->embed(d, token);
    const og_globals *w = d->w;
    og_tensor *x = og_decoder_scale(d, og_take_rows(d->g, w->tok_embd, token), d->hp->embd_scale);
    if (w->pos_embd) {
        og_tensor *pos = og_decoder_input(d, OG_STEP_POS);
        x = og_add(d->g, x, og_take_rows(d->g, w->pos_embd, pos));
    }
    return w->embd_norm ? og_decoder_norm(d, x, w->embd_norm, w->embd_norm_b) : x;
}

og_tensor *og_decoder_logits(og_decoder *d, og_tensor *x)
{
    if (!d) return NULL;
    if (d->arch->head) return d->arch->head(d, x);
    x = og_decoder_norm(d, x, d->w->out_norm, d->w->out_norm_b);
    x = og_decoder_linear(d, x, d->w->out, d->w->out_b);
    x = og_decoder_scale(d, x, d->hp->logit_scale);
    return og_decoder_softcap(d, x, d->hp->final_softcap);
}
