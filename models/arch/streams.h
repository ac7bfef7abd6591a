/* SPDX-License-Identifier: MIT
 *
 * Hyper-connections (Zhu et al., 2024; made stable by Xie et al., 2025): in place of one residual
 * there are n streams [T, n, E]. A part of a layer reads a mixture of them, what it gives is added
 * to each in its measure, and they are mixed among themselves by a nearly doubly stochastic matrix.
 * All three follow from the streams of the token. */
#ifndef OG_MODELS_ARCH_STREAMS_H
#define OG_MODELS_ARCH_STREAMS_H

#include "models/arch/arch.h"

typedef struct stream_rules {
    int n, n_sinkhorn;
    float eps;
} stream_rules;

/* w [n * (n + 2), n * E] or, where streams are read alone, [n, n * E]; base is added; scale has one
 * number for what is read, what is written, what is mixed. */
typedef struct stream_weights {
    og_tensor *w, *base, *scale;
} stream_weights;

/* What a part reads of the streams, and how they take what it gives. */
typedef struct connection {
    og_tensor *x, *in;    /* [T, n, E], [T, E] */
    og_tensor *out, *mix; /* [T, n], [T, n, n]: from each stream to each (the last axis) */
} connection;

/* x [T, E] in each stream. */
og_tensor *ogi_streams_of(og_decoder *d, const stream_rules *r, og_tensor *x);
/* Streams as rows [T, n * E], and a mixture [O, E] of such rows. */
og_tensor *ogi_streams_flat(og_decoder *d, og_tensor *x);
og_tensor *ogi_streams_read(og_decoder *d, const stream_rules *r, og_tensor *rows,
                            const stream_weights *w);

connection ogi_connect(og_decoder *d, const stream_rules *r, og_tensor *x, const stream_weights *w);
/* The streams behind a part that gave y [T, E]. */
og_tensor *ogi_connected(og_decoder *d, const connection *c, og_tensor *y);

#endif
