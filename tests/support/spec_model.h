/* SPDX-License-Identifier: MIT
 *
 * Golden cases of architectures: CASE.json describes a tiny model, whose weights follow from a
 * seed, and the runs whose rows CASE.f32 holds.
 *
 * For a tensor named s of n values, all integers modulo 2^64:
 *   state = fnv1a64(s) ^ seed;  z = splitmix64 output i + 1 of state;  u = (z >> 40) / 2^23 - 1
 *   value = base + scale * u in float32, each step rounded;  I32: (z >> 40) % modulus */
#ifndef OGT_SPEC_MODEL_H
#define OGT_SPEC_MODEL_H

#include <stdbool.h>
#include <stdint.h>

/* One run, from an empty cache. With n_then = 0 a row for every one of tokens; otherwise one row
 * after all of tokens, then one after each of then. */
typedef struct ogt_run {
    const char *name;
    int32_t *tokens, *then, *encode;
    int n_tokens, n_then, n_encode;
    int64_t rows, cols;
    const float *want; /* rows x cols */
} ogt_run;

typedef struct ogt_spec {
    struct json_t *json;
    const char *name, *arch; /* borrowed from json */
    int64_t n_ctx;
    double tolerance; /* of the NMSE over all runs */
    bool is_logits;   /* false: embeddings or pooled runs, of which run[] is empty */
    ogt_run *run;
    int n_run;
    float *want; /* all runs, one after the other */
    int64_t n_want;
    unsigned char *gguf; /* the model file */
    int64_t gguf_size;
} ogt_spec;

/* Reads DIR/NAME.json and its outputs and builds the model. False, with the reason in error (200
 * bytes), if something is wrong. */
bool ogt_spec_open(const char *dir, const char *name, ogt_spec *out, char *error);
void ogt_spec_free(ogt_spec *spec);

#endif
