/* SPDX-License-Identifier: MIT
 *
 * An architecture in a shared object, for `oxigraph COMMAND --arch parallel.so`: it takes the place
 * of the built-in "llama", with attention and feed-forward side by side. It includes the public
 * headers alone; the program gives it their functions. */
#include "oxigraph/decoder.h"

static const og_hp_key keys[] = { OG_KEYS_DECODER, OG_KEYS_ROPE,
                                  OG_KEY_EPS("attention.layer_norm_rms_epsilon") };
static const og_weight_row weights[] = { OG_WEIGHTS_EDGES, OG_WEIGHTS_ATTENTION, OG_WEIGHTS_FFN };

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
    og_tensor *f = og_decoder_norm(d, x, l->ffn_norm, NULL);
    x = og_add(d->g, x, og_decoder_attend(d, il, h, NULL));
    return og_add(d->g, x, og_decoder_ffn(d, il, f, NULL));
}

static const og_arch parallel = { .name = "llama",
                                  .doc = "attention and feed-forward side by side",
                                  OG_ARCH_TABLES,
                                  .rope = OG_ROPE_PAIRS,
                                  .block = block };

OG_ARCH_PLUGIN(parallel)
