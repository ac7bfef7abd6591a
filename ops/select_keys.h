/* SPDX-License-Identifier: MIT
 *
 * Sources and params of select_keys, for the kernels of a backend. */
#ifndef OG_OPS_SELECT_KEYS_H
#define OG_OPS_SELECT_KEYS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum ogi_select_keys_src {
    OGI_SELECT_KEYS_Q,          /* [T, H, D] */
    OGI_SELECT_KEYS_K,          /* state [N, 1 or lists, max(1, 64 / ratio), D] */
    OGI_SELECT_KEYS_POS,        /* I32 [T] */
    OGI_SELECT_KEYS_SEQ_START,  /* I32 [S + 1] */
    OGI_SELECT_KEYS_KV_LEN,     /* I32 [S] */
    OGI_SELECT_KEYS_PAGE_TABLE, /* I32 [S, P] */
    OGI_SELECT_KEYS_WEIGHT,     /* F32 [T, H] or absent */
    OGI_SELECT_KEYS_N_SRC
} ogi_select_keys_src;

typedef struct ogi_select_keys {
    int k, lists, block, ratio, local;
    bool is_relu;
} ogi_select_keys;

/* The numbers of the k <= n largest scores, rising. Of equal ones at the edge those stay that a
 * heap keeps which holds the k best and takes the scores in order: the usual algorithm, so that a
 * choice is the same elsewhere. */
void ogi_keep_best(const float *score, int64_t n, int64_t k, int32_t *out);

#endif
