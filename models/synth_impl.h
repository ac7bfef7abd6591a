/* SPDX-License-Identifier: MIT
 *
 * What the parts of the synthesizer share: synth.c (file), synth_shape.c (shapes and their
 * tensors), synth_type.c (which tensor gets which type), synth_fill.c (random blocks). */
#ifndef OG_MODELS_SYNTH_IMPL_H
#define OG_MODELS_SYNTH_IMPL_H

#include "graph/dtype.h"
#include "models/synth.h"

/* What a tensor is: mixtures choose its type by that. */
typedef enum ogi_synth_role {
    OGI_SYNTH_VECTOR, /* norms: F32 around 1 */
    OGI_SYNTH_ROUTER, /* F32 */
    OGI_SYNTH_EMBD,
    OGI_SYNTH_OUTPUT,
    OGI_SYNTH_Q,
    OGI_SYNTH_K,
    OGI_SYNTH_V,
    OGI_SYNTH_O,
    OGI_SYNTH_GATE,
    OGI_SYNTH_UP,
    OGI_SYNTH_DOWN,
} ogi_synth_role;

typedef struct ogi_synth_tensor {
    char name[40];
    ogi_synth_role role;
    int layer; /* -1: none */
    int rank;
    int64_t dim[3]; /* as GGUF: fastest first */
    og_dtype type;
    int64_t size, offset; /* bytes; offset in the data section */
} ogi_synth_tensor;

/* How many tensors a shape has, and the i-th of them: all but type, size and offset. */
int64_t ogi_synth_tensor_count(const ogi_synth_shape *shape);
void ogi_synth_tensor_at(const ogi_synth_shape *shape, int64_t n_vocab, int64_t i,
                         ogi_synth_tensor *out);

/* A parsed type option. */
typedef struct ogi_synth_type {
    og_dtype base;
    int mixture;   /* index of the mixture; -1: base everywhere */
    int file_type; /* general.file_type; -1: there is no number for it */
} ogi_synth_type;

og_status ogi_synth_type_parse(og_ctx *ctx, const char *name, ogi_synth_type *out);
og_dtype ogi_synth_type_of(const ogi_synth_type *type, const ogi_synth_shape *shape,
                           const ogi_synth_tensor *t);

/* How random blocks of a type get a given spread. */
typedef struct ogi_synth_filler {
    og_dtype type;
    float spread;         /* root mean square of the values */
    float value[1024];    /* float types: evenly spread values */
    uint16_t scale[16];   /* bits of scales, around the right one */
    uint16_t minimum[16]; /* and the minimum for each, that centres the values */
} ogi_synth_filler;

bool ogi_synth_can_fill(og_dtype type);
og_status ogi_synth_filler_init(og_ctx *ctx, og_dtype type, float spread, ogi_synth_filler *out);
/* n bytes, whole blocks; goes on from *seed. */
void ogi_synth_fill(const ogi_synth_filler *f, uint64_t *seed, void *out, int64_t n);

#endif
