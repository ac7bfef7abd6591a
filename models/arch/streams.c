/* SPDX-License-Identifier: MIT
 *
 * Hyper-connections: streams beside each other in place of one residual. */
#include "models/arch/streams.h"

#include "models/arch/mixers.h"

og_tensor *ogi_streams_of(og_decoder *d, const stream_rules *r, og_tensor *x)
{
    og_dim T = og_decoder_tokens(d, 1), E = OG_N(d->hp->n_embd);
    return og_broadcast(d->g, ogi_heads(d, x, 1, E.b), OG_SHAPE(T, OG_N(r->n), E));
}

og_tensor *ogi_streams_flat(og_decoder *d, og_tensor *x)
{
    og_shape s = x ? og_tensor_shape(x) : (og_shape){ .rank = 3 };
    return og_reshape(d->g, x, OG_SHAPE(s.dim[0], og_dim_mul(s.dim[2], s.dim[1].b)));
}

/* Columns begin .. of y, times one number of scale, plus those of base. */
static og_tensor *affine(og_decoder *d, og_tensor *y, const stream_weights *w, int which,
                         int64_t begin, int64_t size)
{
    og_graph *g = d->g;
    y = og_mul(g, og_slice(g, y, 1, begin, size), og_slice(g, w->scale, 0, which, 1));
    return og_add(g, y, og_slice(g, w->base, 0, begin, size));
}

/* Rows [R, n * E] through w: what the shares of streams are made of. */
static og_tensor *measured(og_decoder *d, og_tensor *rows, const stream_weights *w)
{
    return og_decoder_linear(d, og_rms_norm(d->g, rows, d->hp->eps), w->w, NULL);
}

/* The sum of streams, parts of rows [R, n * E], each in its share y of what was measured: [R, E].
 */
static og_tensor *mixture(og_decoder *d, const stream_rules *r, og_tensor *rows, og_tensor *y,
                          const stream_weights *w)
{
    og_graph *g = d->g;
    int64_t n_embd = d->hp->n_embd;
    og_tensor *sum = NULL;
    og_tensor *share = og_sigmoid(g, affine(d, y, w, 0, 0, r->n));
    share = og_scale(g, share, 1, r->eps);
    for (int64_t i = 0; i < r->n; i++) {
        og_tensor *stream = og_slice(g, rows, 1, i * n_embd, n_embd);
        stream = og_mul(g, stream, og_slice(g, share, 1, i, 1));
        sum = sum ? og_add(g, sum, stream) : stream;
    }
    return sum;
}

og_tensor *ogi_streams_read(og_decoder *d, const stream_rules *r, og_tensor *rows,
                            const stream_weights *w)
{
    return mixture(d, r, rows, measured(d, rows, w), w);
}

connection ogi_connect(og_decoder *d, const stream_rules *r, og_tensor *x, const stream_weights *w)
{
    og_graph *g = d->g;
    int64_t n = r->n;
    og_tensor *rows = ogi_streams_flat(d, x), *y = measured(d, rows, w);
    connection c = { .x = x, .in = mixture(d, r, rows, y, w) };
    c.out = og_scale(g, og_sigmoid(g, affine(d, y, w, 1, n, n)), 2, 0);
    c.mix = ogi_heads(d, affine(d, y, w, 2, 2 * n, n * n), n, n);
    c.mix = og_sinkhorn(g, c.mix, r->n_sinkhorn, r->eps);
    return c;
}

og_tensor *ogi_connected(og_decoder *d, const connection *c, og_tensor *y)
{
    og_graph *g = d->g;
    int64_t n = c->out ? og_tensor_shape(c->out).dim[1].b : 0;
    y = og_mul(g, ogi_heads(d, y, 1, d->hp->n_embd), ogi_heads(d, c->out, n, 1));
    for (int64_t i = 0; i < n; i++) {
        og_tensor *to = ogi_heads(d, og_slice(g, c->mix, 1, i, 1), n, 1);
        y = og_add(g, y, og_mul(g, og_slice(g, c->x, 1, i, 1), to));
    }
    return y;
}
