/* SPDX-License-Identifier: MIT
 *
 * A layer of a transformer: attention, then feed-forward or experts, or both side by side. */
#include "models/arch_impl.h"

static og_tensor *norm_before(og_decoder *d, og_tensor *x, og_tensor *w, og_tensor *b,
                              bool is_plain)
{
    return w || is_plain ? og_decoder_norm(d, x, w, b) : x;
}

/* What a part adds to the residual. */
static og_tensor *added(og_decoder *d, og_tensor *y, og_tensor *post, og_tensor *post_b)
{
    if (post) y = og_decoder_norm(d, y, post, post_b);
    return og_decoder_scale(d, y, d->hp->residual_scale);
}

og_tensor *og_decoder_block(og_decoder *d, int il, og_tensor *x, const og_block *spec)
{
    static const og_block none;
    if (!ogi_decoder_has_layer(d, il)) return NULL;
    const og_layer *l = og_decoder_layer(d, il);
    const og_block *s = spec ? spec : &none;
    og_tensor *in = norm_before(d, x, l->attn_norm, l->attn_norm_b, s->is_norm_plain);
    og_tensor *a = s->mixer   ? s->mixer(d, il, in)
                   : l->wkv_a ? og_decoder_mla(d, il, in, NULL)
                              : og_decoder_attend(d, il, in, s->attend);
    a = added(d, a, l->attn_post_norm, l->attn_post_norm_b);
    og_tensor *y = s->is_parallel ? x : og_add(d->g, x, a);
    if (!s->is_parallel || l->ffn_norm)
        in = norm_before(d, y, l->ffn_norm, l->ffn_norm_b, s->is_norm_plain);
    og_tensor *f =
        l->router ? og_decoder_experts(d, il, in, s->experts) : og_decoder_ffn(d, il, in, s->ffn);
    f = added(d, f, l->ffn_post_norm, l->ffn_post_norm_b);
    return og_add(d->g, s->is_parallel ? og_add(d->g, x, a) : y, f);
}

og_tensor *og_decoder_plain_block(og_decoder *d, int il, og_tensor *x)
{
    return og_decoder_block(d, il, x, NULL);
}
