/* SPDX-License-Identifier: MIT
 *
 * select_keys as work items. With tokens enough for all threads, an item is one token: its keys'
 * scores, then its choice. With fewer, as when a text is written, the keys of a token are shared
 * out, and the last who is done with them chooses. Scores do not depend on the way. */
#include <math.h>

#include "backends/cpu/kernel_ops.h"
#include "graph/dim.h"
#include "ops/attention.h"
#include "ops/select_keys.h"

enum {
    FEW_TOKENS = OGI_CPU_DONE, /* of a step: their scores have room in one piece of memory */
    KEY_BLOCK = 1024,          /* keys of an item, of few tokens */
    RADIX = 256
};

/* One token and list. */
typedef struct choice {
    int64_t s, t, list, n_key;
    float *score; /* [n_key], then of blocks */
} choice;

static int64_t room_of(const ogi_cpu_call *c)
{
    return c->src[OGI_SELECT_KEYS_PAGE_TABLE].dim[1] * OGI_KV_PAGE;
}

/* The i-th pair of token and list. */
static choice choice_of(const ogi_cpu_call *c, int64_t i, float *score)
{
    const ogi_select_keys *p = c->node->params;
    const int32_t *start = c->src[OGI_SELECT_KEYS_SEQ_START].p;
    const int32_t *pos = c->src[OGI_SELECT_KEYS_POS].p, *len = c->src[OGI_SELECT_KEYS_KV_LEN].p;
    choice x = { .t = i / p->lists, .list = i % p->lists, .score = score };
    while (start[x.s + 1] <= x.t) x.s++;
    x.n_key = OGI_MAX(0, OGI_MIN((pos[x.t] + 1) / p->ratio, len[x.s] / p->ratio));
    return x;
}

static void score_keys(const ogi_cpu_call *c, const choice *x, int64_t first, int64_t end)
{
    const ogi_select_keys *p = c->node->params;
    const ogi_cpu_arg *q = &c->src[OGI_SELECT_KEYS_Q], *k = &c->src[OGI_SELECT_KEYS_K];
    const ogi_cpu_arg *pages = &c->src[OGI_SELECT_KEYS_PAGE_TABLE];
    const float *weight = c->src[OGI_SELECT_KEYS_WEIGHT].p;
    int64_t n_head = q->dim[1] / p->lists, head = x->t * q->dim[1] + x->list * n_head;
    ogi_key_score_args a = {
        .q = (const float *)q->p + head * q->dim[2],
        .weight = weight ? weight + head : NULL,
        .n_head = n_head,
        .dim = q->dim[2],
        .k_type = k->dtype,
        .k_state = k->p,
        .pages = { .page = (const int32_t *)pages->p + x->s * pages->dim[1],
                   .n_kv_head = k->dim[1],
                   .kv_head = x->list % k->dim[1],
                   .ratio = p->ratio },
        .first = first,
        .end = end,
        .is_relu = p->is_relu,
        .out = x->score,
    };
    if (first < end) c->kernels->key_scores(&a);
}

/* Larger scores have larger ones; NaN the least of all. */
static uint32_t order_of(float score)
{
    uint32_t u;
    score += 0.0f; /* -0 */
    memcpy(&u, &score, sizeof u);
    if (score != score) return 0;
    return u >> 31 ? ~u : u | 0x80000000u;
}

/* The order of the k-th largest of n > k scores; how many there are of it, less those among the
 * first k. */
static uint32_t find_kth(const float *score, int64_t n, int64_t k, int64_t *n_more)
{
    uint32_t prefix = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        int64_t count[RADIX] = { 0 }, digit = RADIX - 1;
        uint32_t mask = shift == 24 ? 0 : ~0u << (shift + 8);
        for (int64_t i = 0; i < n; i++) {
            uint32_t u = order_of(score[i]);
            if ((u & mask) == prefix) count[u >> shift & (RADIX - 1)]++;
        }
        for (; count[digit] < k; digit--) k -= count[digit];
        prefix |= (uint32_t)digit << shift;
        *n_more = count[digit] - k;
    }
    return prefix;
}

static void choose(const ogi_cpu_call *c, const choice *x)
{
    const ogi_select_keys *p = c->node->params;
    int32_t *out = (int32_t *)c->dst.p + (x->t * p->lists + x->list) * p->k;
    int64_t n_block = (x->n_key + p->block - 1) / p->block, n = 0, n_more = 0;
    float *score = x->score;
    for (int64_t b = 0; p->block > 1 && b < n_block; b++) {
        float most = score[b * p->block];
        for (int64_t j = b * p->block + 1; j < OGI_MIN((b + 1) * p->block, x->n_key); j++)
            most = score[j] > most ? score[j] : most;
        score[b] = most;
    }
    for (int64_t b = OGI_MAX(0, n_block - p->local); b < n_block; b++) score[b] = INFINITY;
    uint32_t kth = n_block > p->k ? find_kth(score, n_block, p->k, &n_more) : 0;
    if (n_more > 0) { /* equal ones at the edge */
        ogi_keep_best(score, n_block, p->k, out);
        return;
    }
    for (int64_t b = 0; b < n_block; b++) {
        if (n_block <= p->k || order_of(score[b]) >= kth) out[n++] = (int32_t)b;
    }
    while (n < p->k) out[n++] = -1;
}

/* Who computes the last scores of a token chooses for it. */
static void run_few(const ogi_cpu_call *c, int64_t n_tok)
{
    int64_t room = room_of(c), lists = c->dst.dim[1], i;
    int64_t n_part = (room + KEY_BLOCK - 1) / KEY_BLOCK * lists; /* of a token */
    float *score = c->shared;                                    /* [n_tok, lists, room] */
    while ((i = ogi_cpu_next(c)) < n_tok * n_part) {
        int64_t t = i / n_part, list = t * lists + i % lists,
                first = i % n_part / lists * KEY_BLOCK;
        choice x = choice_of(c, list, score + list * room);
        score_keys(c, &x, first, OGI_MIN(first + KEY_BLOCK, x.n_key));
        int before = atomic_fetch_add_explicit(&c->done[t], 1, memory_order_acq_rel);
        for (int64_t l = t * lists; before + 1 == n_part && l < (t + 1) * lists; l++) {
            x = choice_of(c, l, score + l * room);
            choose(c, &x);
        }
    }
}

void ogi_cpu_run_select_keys(const ogi_cpu_call *c, int thread, void *scratch)
{
    (void)thread;
    int64_t n_tok = c->dst.dim[0], n_choice = n_tok * c->dst.dim[1], i;
    if (n_tok <= FEW_TOKENS) {
        run_few(c, n_tok);
        return;
    }
    while ((i = ogi_cpu_next(c)) < n_choice) {
        choice x = choice_of(c, i, scratch);
        score_keys(c, &x, 0, x.n_key);
        choose(c, &x);
    }
}

size_t ogi_cpu_select_keys_scratch(const og_tensor *node, const int64_t *sym_max)
{
    const ogi_select_keys *p = node->params;
    const og_tensor *pages = node->src[OGI_SELECT_KEYS_PAGE_TABLE];
    size_t room = (size_t)ogi_dim_value(pages->shape.dim[1], sym_max) * OGI_KV_PAGE;
    int64_t n_tok = ogi_dim_value(node->shape.dim[0], sym_max);
    return room * sizeof(float) * (size_t)(OGI_MIN(n_tok, FEW_TOKENS) * p->lists);
}
