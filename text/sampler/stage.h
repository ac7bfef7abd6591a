/* SPDX-License-Identifier: MIT
 *
 * The inside of a sampler chain, shared by its files:
 *   sampler.c          the chain: memory, history, running the stages, candidates
 *   filter.c   stages that drop or reweight candidates
 *   penalty.c  stages that look at the history (penalties, DRY, logit bias)
 *   select.c   stages that select a token
 *   order.c    sorting and partial selection of candidates
 *   rng.c      random numbers */
#ifndef OG_TEXT_SAMPLER_STAGE_H
#define OG_TEXT_SAMPLER_STAGE_H

#include "base/ctx.h"
#include "oxigraph/sampler.h"

/* MT19937, whose outputs are the same everywhere. */
typedef struct ogi_rng {
    uint32_t word[624];
    int at;
} ogi_rng;

void ogi_rng_seed(ogi_rng *r, uint32_t seed);
uint32_t ogi_rng_next(ogi_rng *r);
double ogi_rng_double(ogi_rng *r); /* [0, 1), two outputs */
float ogi_rng_float(ogi_rng *r);   /* [0, 1), one output */
uint32_t ogi_rng_entropy(void);    /* a seed from the system */

/* A token sequence that ends a repetition: its first token, and the rest in tail. */
typedef struct ogi_breaker {
    int32_t head;
    int32_t tail_at, n_tail; /* in ogi_stage.tail */
} ogi_breaker;

typedef struct ogi_stage {
    og_sampler_stage par; /* pointers in it: only bias, owned */
    ogi_rng rng;
    float mu;              /* mirostat */
    float weighted, total; /* adaptive_p: running mean of chosen probabilities */
    int32_t pending;       /* adaptive_p: token chosen, not yet accepted; -1 */
    float pending_p;       /* its probability before the transformation */
    ogi_breaker *breaker;  /* dry: by rising head */
    int32_t n_breaker;
    int64_t breaker_cap;
    int32_t *tail;
    int32_t n_tail;
    int64_t tail_cap;
} ogi_stage;

typedef struct ogi_tally_slot {
    int32_t token; /* -1: empty */
    int32_t value;
} ogi_tally_slot;

struct og_sampler {
    og_ctx *ctx;
    const og_vocab_view *vocab;
    ogi_stage *stage;
    int n_stage;
    uint32_t seed;

    /* The last history_cap accepted tokens; history[(n_accepted - 1) % cap] is the newest. */
    int32_t *history;
    int32_t history_cap;
    int64_t n_accepted;
    int32_t *repeat; /* history_cap: lengths of repetitions, scratch of DRY */
    /* token -> number, scratch of the penalties; a power of two, at least 2 * history_cap. */
    ogi_tally_slot *tally;
    int32_t n_tally;

    og_candidate *cand, *spare; /* cap each */
    int64_t cap, spare_cap;
    int32_t n;        /* candidates left */
    int32_t n_vocab;  /* candidates the step began with */
    bool is_sorted;   /* by falling logit */
    bool is_dense;    /* cand[i].id == i */
    bool is_p_final;  /* p was set by a stage, not to be recomputed */
    int32_t selected; /* index into cand, -1 */
};

/* ---- order ---- */

/* Sorts by falling logit; equal logits keep their order. */
void ogi_cand_sort(og_sampler *s);
/* The k best first, sorted; the rest is dropped. */
void ogi_cand_top(og_sampler *s, int32_t k);
/* Fills the candidates with the k best of n logits; k <= OGI_TOP_HEAP. */
void ogi_cand_load_top(og_sampler *s, const float *logits, int32_t n, int32_t k);
/* The k best of the candidates, sorted, in spare; the candidates stay. */
void ogi_cand_top_spare(og_sampler *s, int32_t k);
/* Up to this k a heap beats sorting everything. */
enum { OGI_TOP_HEAP = 1024 };

float ogi_cand_max(const og_sampler *s);
/* Sets p; sorts before if is_sorting. */
void ogi_cand_softmax(og_sampler *s, bool is_sorting);

/* NaN counts as -inf, +inf as the largest number. */
static inline float ogi_clean_logit(float x)
{
    return x != x ? -__builtin_inff() : x > 3.4028235e38f ? 3.4028235e38f : x;
}

/* ---- stages ---- */

typedef void ogi_stage_apply(og_sampler *s, ogi_stage *st);
ogi_stage_apply ogi_apply_penalties, ogi_apply_dry, ogi_apply_logit_bias;
ogi_stage_apply ogi_apply_top_n_sigma, ogi_apply_top_k, ogi_apply_typical, ogi_apply_top_p,
    ogi_apply_min_p, ogi_apply_tail_free, ogi_apply_xtc, ogi_apply_temperature, ogi_apply_infill;
ogi_stage_apply ogi_apply_greedy, ogi_apply_dist, ogi_apply_mirostat, ogi_apply_mirostat_v2,
    ogi_apply_adaptive_p;

/* Would the stage leave the candidates as they are? */
bool ogi_stage_is_off(const ogi_stage *st);
/* Breakers of DRY: token sequences and texts into st->breaker. */
og_status ogi_dry_prepare(og_sampler *s, ogi_stage *st, const og_sampler_stage *par);
/* The i-th newest accepted token. */
static inline int32_t ogi_history_at(const og_sampler *s, int64_t i)
{
    return s->history[(s->n_accepted - 1 - i) % s->history_cap];
}

#endif
