/* SPDX-License-Identifier: MIT
 *
 * What a backend's attention kernel needs to know of the op: its sources and params. */
#ifndef OG_OPS_ATTENTION_H
#define OG_OPS_ATTENTION_H

#include <stdbool.h>

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
    OGI_ATTENTION_N_SRC
} ogi_attention_src;

typedef struct ogi_attention {
    float scale; /* never 0: the builder puts 1 / sqrt(Dk) */
    float softcap;
    int window;
    bool is_bidirectional;
} ogi_attention;

enum { OGI_KV_PAGE = 64 }; /* keys of a page */

/* T(NAME): what the pages of keys and values may hold. A backend reads and writes each of them. */
#define OGI_KV_TYPES(T) T(F32) T(F16) T(BF16) T(Q8_0) T(Q4_0)

bool ogi_is_kv_type(og_dtype type);

#endif
