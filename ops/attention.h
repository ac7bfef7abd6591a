/* SPDX-License-Identifier: MIT
 *
 * What a backend's attention kernel needs to know of the op: its sources and params. */
#ifndef OG_OPS_ATTENTION_H
#define OG_OPS_ATTENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "oxigraph/dtype.h"

typedef enum ogi_attention_src {
    OGI_ATTENTION_Q,          /* [T, H, Dk] */
    OGI_ATTENTION_K,          /* state [N, Hkv, 64, Dk] */
    OGI_ATTENTION_V,          /* state [N, Hkv, 64, Dv] */
    OGI_ATTENTION_POS,        /* I32 [T] */
    OGI_ATTENTION_SEQ_START,  /* I32 [S + 1] */
    OGI_ATTENTION_KV_LEN,     /* I32 [S] */
    OGI_ATTENTION_PAGE_TABLE, /* I32 [S, P] */
    OGI_ATTENTION_SLOPE,      /* F32 [H] or absent */
    OGI_ATTENTION_SINK,       /* F32 [H] or absent */
    OGI_ATTENTION_BIAS,       /* F32 [n_bucket, H] or absent */
    OGI_ATTENTION_SELECT,     /* I32 [T, 1 or Hkv, n] or absent */
    OGI_ATTENTION_N_SRC
} ogi_attention_src;

typedef struct ogi_attention {
    float scale; /* never 0: the builder puts 1 / sqrt(Dk) */
    float softcap;
    int window, chunk;
    int ratio;        /* tokens that a key stands for */
    int dim_v;        /* values are the first dim_v of a row of V; 0: the whole row */
    int bucket_max;   /* the distance from which on all have the last bucket of the bias */
    int select_block; /* keys of a selected block */
    bool is_bidirectional, is_partial;
} ogi_attention;

enum {
    OGI_KV_PAGE = 64, /* tokens of a page */
    OGI_BUCKET_MAX = 128
};

/* Rows of a page whose keys stand for `ratio` tokens each. */
static inline int64_t ogi_kv_page_rows(int64_t ratio)
{
    return ratio < OGI_KV_PAGE ? OGI_KV_PAGE / ratio : 1;
}

/* The max of a partial result that saw no key: it weighs nothing beside any other. */
#define OGI_ATTENTION_NOTHING (-1e30f)

/* T(NAME): what the pages of keys and values may hold. A backend reads and writes each of them. */
#define OGI_KV_TYPES(T) T(F32) T(F16) T(BF16) T(Q8_0) T(Q4_0)

bool ogi_is_kv_type(og_dtype type);

#endif
