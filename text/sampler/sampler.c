/* SPDX-License-Identifier: MIT
 *
 * The chain: its memory and state, and how a row of logits goes through it. */
#include "text/sampler/stage.h"

#include <math.h>
#include <string.h>

static ogi_stage_apply *const apply[OG_SAMPLER_COUNT] = {
    [OG_SAMPLER_PENALTIES] = ogi_apply_penalties,
    [OG_SAMPLER_DRY] = ogi_apply_dry,
    [OG_SAMPLER_TOP_N_SIGMA] = ogi_apply_top_n_sigma,
    [OG_SAMPLER_TOP_K] = ogi_apply_top_k,
    [OG_SAMPLER_TYPICAL] = ogi_apply_typical,
    [OG_SAMPLER_TOP_P] = ogi_apply_top_p,
    [OG_SAMPLER_MIN_P] = ogi_apply_min_p,
    [OG_SAMPLER_TAIL_FREE] = ogi_apply_tail_free,
    [OG_SAMPLER_XTC] = ogi_apply_xtc,
    [OG_SAMPLER_TEMPERATURE] = ogi_apply_temperature,
    [OG_SAMPLER_LOGIT_BIAS] = ogi_apply_logit_bias,
    [OG_SAMPLER_INFILL] = ogi_apply_infill,
    [OG_SAMPLER_GREEDY] = ogi_apply_greedy,
    [OG_SAMPLER_DIST] = ogi_apply_dist,
    [OG_SAMPLER_MIROSTAT] = ogi_apply_mirostat,
    [OG_SAMPLER_MIROSTAT_V2] = ogi_apply_mirostat_v2,
    [OG_SAMPLER_ADAPTIVE_P] = ogi_apply_adaptive_p,
};

bool ogi_stage_is_off(const ogi_stage *st)
{
    const og_sampler_stage *p = &st->par;
    switch (p->kind) {
    case OG_SAMPLER_PENALTIES:
        return p->last_n <= 0 || (p->repeat == 1.0f && p->freq == 0.0f && p->present == 0.0f);
    case OG_SAMPLER_DRY: return p->p == 0.0f || p->base < 1.0f || p->last_n == 0;
    case OG_SAMPLER_TOP_N_SIGMA: return p->p <= 0.0f;
    case OG_SAMPLER_TOP_K: return p->k <= 0;
    case OG_SAMPLER_TYPICAL:
    case OG_SAMPLER_TOP_P:
    case OG_SAMPLER_TAIL_FREE: return p->p >= 1.0f;
    case OG_SAMPLER_MIN_P: return p->p <= 0.0f;
    case OG_SAMPLER_XTC: return p->p <= 0.0f || p->threshold > 0.5f;
    case OG_SAMPLER_LOGIT_BIAS: return p->n_bias == 0;
    case OG_SAMPLER_TEMPERATURE:
    case OG_SAMPLER_INFILL:
    case OG_SAMPLER_GREEDY:
    case OG_SAMPLER_DIST:
    case OG_SAMPLER_MIROSTAT:
    case OG_SAMPLER_MIROSTAT_V2:
    case OG_SAMPLER_ADAPTIVE_P:
    case OG_SAMPLER_COUNT: break;
    }
    return false;
}

/* ---- making and unmaking ---- */

static void stage_reset(ogi_stage *st)
{
    const og_sampler_stage *p = &st->par;
    st->par.decay = fminf(fmaxf(p->decay, 0.0f), 0.99f);
    ogi_rng_seed(&st->rng, p->seed);
    st->mu = 2.0f * p->p;
    st->pending = -1;
    st->weighted = p->p / (1.0f - p->decay); /* as if the target had always been met */
    st->total = 1.0f / (1.0f - p->decay);
}

enum { MAX_HISTORY = 1 << 24 };

/* Tokens of history that the stage looks at. */
static int32_t history_need(const og_sampler_stage *p)
{
    switch ((int)p->kind) {
    case OG_SAMPLER_PENALTIES: return p->last_n;
    case OG_SAMPLER_DRY: return p->last_n < 0 ? p->n_ctx : OGI_MIN(p->last_n, p->n_ctx);
    default: return 0;
    }
}

static og_status check_bias(const og_sampler *s, const og_sampler_stage *p)
{
    for (int32_t i = 0; i < p->n_bias; i++)
        if (p->bias[i].token < 0 || (s->vocab && p->bias[i].token >= s->vocab->n_tokens))
            OG_FAIL(s->ctx, OG_E_INVALID, "logit_bias: token %d is none%s", (int)p->bias[i].token,
                    s->vocab ? " of the vocabulary" : "");
    return OG_OK;
}

static og_status stage_init(og_sampler *s, ogi_stage *st, const og_sampler_stage *par)
{
    st->par = *par;
    st->par.breaker = NULL, st->par.breaker_text = NULL, st->par.bias = NULL;
    if ((unsigned)par->kind >= OG_SAMPLER_COUNT)
        OG_FAIL(s->ctx, OG_E_INVALID, "sampler: no stage has kind %d", (int)par->kind);
    const char *name = og_sampler_kind_name(par->kind);
    if (history_need(par) > MAX_HISTORY)
        OG_FAIL(s->ctx, OG_E_LIMIT, "sampler: %s looks back %d tokens, at most %d are kept", name,
                (int)history_need(par), (int)MAX_HISTORY);
    const float value[] = { par->p,     par->threshold, par->delta, par->exponent, par->eta,
                            par->decay, par->repeat,    par->freq,  par->present,  par->base };
    for (int i = 0; i < OGI_LEN(value); i++)
        if (value[i] != value[i]) OG_FAIL(s->ctx, OG_E_INVALID, "sampler: %s has a NaN", name);
    if (par->kind == OG_SAMPLER_INFILL && !s->vocab)
        OG_FAIL(s->ctx, OG_E_INVALID, "sampler: infill needs a vocabulary");
    if (par->kind == OG_SAMPLER_PENALTIES && !(par->repeat > 0.0f))
        OG_FAIL(s->ctx, OG_E_INVALID, "sampler: a repeat penalty of %g; expected more than 0",
                (double)par->repeat);
    OG_TRY(check_bias(s, par));
    if (par->n_bias > 0) {
        og_token_bias *bias = OGI_NEW_N(s->ctx, og_token_bias, par->n_bias);
        if (!bias) return OG_E_MEMORY;
        memcpy(bias, par->bias, (size_t)par->n_bias * sizeof *bias);
        st->par.bias = bias;
    }
    if (par->kind == OG_SAMPLER_DRY) OG_TRY(ogi_dry_prepare(s, st, par));
    stage_reset(st);
    return OG_OK;
}

static og_status history_init(og_sampler *s)
{
    int32_t need = 1;
    for (int i = 0; i < s->n_stage; i++)
        if (!ogi_stage_is_off(&s->stage[i])) need = OGI_MAX(need, history_need(&s->stage[i].par));
    s->history_cap = need;
    for (s->n_tally = 16; s->n_tally < 2 * need;) s->n_tally *= 2;
    s->history = OGI_NEW_N(s->ctx, int32_t, need);
    s->repeat = OGI_NEW_N(s->ctx, int32_t, need);
    s->tally = OGI_NEW_N(s->ctx, ogi_tally_slot, s->n_tally);
    return s->history && s->repeat && s->tally ? OG_OK : OG_E_MEMORY;
}

static og_status chain_init(og_sampler *s, const og_sampler_stage *stage, int n_stage)
{
    s->stage = OGI_NEW_N(s->ctx, ogi_stage, n_stage);
    if (!s->stage) return OG_E_MEMORY;
    s->n_stage = n_stage;
    for (int i = 0; i < n_stage; i++) OG_TRY(stage_init(s, &s->stage[i], &stage[i]));
    if (n_stage) s->seed = stage[n_stage - 1].seed;
    return history_init(s);
}

og_status og_sampler_new_chain(og_ctx *ctx, const og_sampler_stage *stage, int n_stage,
                               const og_vocab_view *vocab, og_sampler **out)
{
    OGI_NEEDS(ctx, ctx && out && (stage || !n_stage));
    *out = NULL;
    if (n_stage < 0 || n_stage > OG_SAMPLER_MAX_STAGES)
        OG_FAIL(ctx, OG_E_LIMIT, "sampler: a chain has at most %d stages, not %d",
                OG_SAMPLER_MAX_STAGES, n_stage);
    og_sampler *s = OGI_NEW(ctx, og_sampler);
    if (!s) return OG_E_MEMORY;
    s->ctx = ctx, s->vocab = vocab, s->selected = -1;
    og_status status = chain_init(s, stage, n_stage);
    if (status != OG_OK) {
        og_sampler_free(s);
        return status;
    }
    *out = s;
    return OG_OK;
}

void og_sampler_free(og_sampler *s)
{
    if (!s) return;
    for (int i = 0; i < s->n_stage; i++) {
        ogi_free(s->ctx, (void *)(uintptr_t)s->stage[i].par.bias);
        ogi_free(s->ctx, s->stage[i].breaker);
        ogi_free(s->ctx, s->stage[i].tail);
    }
    ogi_free(s->ctx, s->stage);
    ogi_free(s->ctx, s->history);
    ogi_free(s->ctx, s->repeat);
    ogi_free(s->ctx, s->tally);
    ogi_free(s->ctx, s->cand);
    ogi_free(s->ctx, s->spare);
    ogi_free(s->ctx, s);
}

/* A copy of n items; NULL only on failure. */
static void *copy_of(og_ctx *ctx, const void *p, int64_t n, size_t size)
{
    void *q = ogi_alloc(ctx, (size_t)OGI_MAX(n, 1), size);
    if (q && n && p) memcpy(q, p, (size_t)n * size);
    return q;
}

static og_status clone_stage(og_ctx *ctx, const ogi_stage *from, ogi_stage *to)
{
    to->par = from->par;
    to->par.bias = copy_of(ctx, from->par.bias, from->par.n_bias, sizeof *from->par.bias);
    to->breaker = copy_of(ctx, from->breaker, from->n_breaker, sizeof *from->breaker);
    to->tail = copy_of(ctx, from->tail, from->n_tail, sizeof *from->tail);
    to->n_breaker = from->n_breaker, to->n_tail = from->n_tail;
    to->rng = from->rng, to->mu = from->mu;
    to->weighted = from->weighted, to->total = from->total;
    to->pending = from->pending, to->pending_p = from->pending_p;
    return to->par.bias && to->breaker && to->tail ? OG_OK : OG_E_MEMORY;
}

static og_status clone_into(const og_sampler *s, og_sampler *c)
{
    c->stage = OGI_NEW_N(s->ctx, ogi_stage, s->n_stage);
    if (!c->stage) return OG_E_MEMORY;
    c->n_stage = s->n_stage;
    for (int i = 0; i < s->n_stage; i++) OG_TRY(clone_stage(s->ctx, &s->stage[i], &c->stage[i]));
    OG_TRY(history_init(c));
    memcpy(c->history, s->history, (size_t)s->history_cap * sizeof *s->history);
    c->n_accepted = s->n_accepted;
    return OG_OK;
}

og_status og_sampler_clone(const og_sampler *s, og_sampler **out)
{
    OGI_NEEDS(s ? s->ctx : NULL, s && out);
    *out = NULL;
    og_sampler *c = OGI_NEW(s->ctx, og_sampler);
    if (!c) return OG_E_MEMORY;
    c->ctx = s->ctx, c->vocab = s->vocab, c->seed = s->seed, c->selected = -1;
    og_status status = clone_into(s, c);
    if (status != OG_OK) {
        og_sampler_free(c);
        return status;
    }
    *out = c;
    return OG_OK;
}

void og_sampler_reset(og_sampler *s)
{
    if (!s) return;
    for (int i = 0; i < s->n_stage; i++) stage_reset(&s->stage[i]);
    s->n_accepted = 0;
    s->n = 0, s->selected = -1;
}

void og_sampler_forget(og_sampler *s)
{
    if (!s) return;
    s->n_accepted = 0;
}

uint32_t og_sampler_seed(const og_sampler *s)
{
    if (!s) return 0;
    return s->seed;
}

/* ---- running ---- */

static og_status reserve(og_sampler *s, int32_t n)
{
    OG_TRY(ogi_grow(s->ctx, &s->cand, &s->cap, n, sizeof *s->cand));
    return ogi_grow(s->ctx, &s->spare, &s->spare_cap, n, sizeof *s->spare);
}

/* Runs the stages from `first` on. */
static void run(og_sampler *s, int first)
{
    for (int i = first; i < s->n_stage; i++) {
        s->is_p_final = s->is_p_final && s->stage[i].par.kind == OG_SAMPLER_GREEDY;
        apply[s->stage[i].par.kind](s, &s->stage[i]);
    }
}

static void begin(og_sampler *s, int32_t n)
{
    s->n = s->n_vocab = n;
    s->selected = -1;
    s->is_sorted = s->is_p_final = false;
}

og_status og_sampler_apply(og_sampler *s, const og_candidate *cand, int32_t n, int32_t *token)
{
    OGI_NEEDS(s ? s->ctx : NULL, s && token && (cand || n <= 0));
    *token = -1;
    if (n < 0) OG_FAIL(s->ctx, OG_E_INVALID, "sampler: %d candidates", (int)n);
    OG_TRY(reserve(s, n));
    begin(s, n);
    s->is_dense = true;
    for (int32_t i = 0; i < n; i++) {
        s->cand[i] = (og_candidate){ cand[i].id, ogi_clean_logit(cand[i].logit), 0.0f };
        s->is_dense = s->is_dense && cand[i].id == i;
    }
    run(s, 0);
    if (s->selected >= 0) *token = s->cand[s->selected].id;
    return OG_OK;
}

og_status og_sampler_sample(og_sampler *s, const float *logits, int32_t n_vocab, int32_t *token)
{
    OGI_NEEDS(s ? s->ctx : NULL, s && token && (logits || n_vocab <= 0));
    *token = -1;
    if (n_vocab <= 0) OG_FAIL(s->ctx, OG_E_INVALID, "sampler: %d logits", (int)n_vocab);
    OG_TRY(reserve(s, n_vocab));
    begin(s, n_vocab);
    int first = 0;
    while (first < s->n_stage && ogi_stage_is_off(&s->stage[first])) first++;
    const og_sampler_stage *p = first < s->n_stage ? &s->stage[first].par : NULL;
    if (p && p->kind == OG_SAMPLER_TOP_K && p->k <= OGI_TOP_HEAP) {
        ogi_cand_load_top(s, logits, n_vocab, p->k);
        first++;
    } else {
        for (int32_t i = 0; i < n_vocab; i++)
            s->cand[i] = (og_candidate){ i, ogi_clean_logit(logits[i]), 0.0f };
        s->is_dense = true;
    }
    run(s, first);
    if (s->selected < 0) ogi_apply_greedy(s, NULL);
    if (s->selected < 0 || s->cand[s->selected].logit == -INFINITY)
        OG_FAIL(s->ctx, OG_E_INVALID, "sampler: no token is left to choose: all %d logits are -inf",
                (int)n_vocab);
    *token = s->cand[s->selected].id;
    return OG_OK;
}

void og_sampler_accept(og_sampler *s, int32_t token)
{
    if (!s) return;
    for (int i = 0; i < s->n_stage; i++) {
        ogi_stage *st = &s->stage[i];
        if (st->par.kind != OG_SAMPLER_ADAPTIVE_P) continue;
        if (st->pending >= 0 && st->pending == token) {
            st->weighted = st->pending_p + st->par.decay * st->weighted;
            st->total = 1.0f + st->par.decay * st->total;
        }
        st->pending = -1;
    }
    if (token < 0) return;
    s->history[s->n_accepted % s->history_cap] = token;
    s->n_accepted++;
}

const og_candidate *og_sampler_candidates(og_sampler *s, int32_t *n)
{
    int32_t ignored;
    if (!n) n = &ignored;
    *n = 0;
    if (!s) return NULL;
    if (!s->is_p_final) ogi_cand_softmax(s, false);
    s->is_p_final = true;
    *n = s->n;
    return s->cand;
}

/* ---- log-probabilities ---- */

int32_t og_logprobs(const float *logits, int32_t n_vocab, og_candidate *out, int32_t n,
                    int32_t token, float *token_logprob)
{
    if (!logits || n_vocab < 1 || (n > 0 && !out)) return 0;
    float max = -INFINITY;
    double sum = 0.0;
    for (int32_t i = 0; i < n_vocab; i++)
        if (logits[i] > max) max = logits[i];
    for (int32_t i = 0; i < n_vocab; i++)
        if (logits[i] == logits[i]) sum += (double)expf(logits[i] - max);
    float log_sum = max + (float)log(sum);
    int32_t n_out = 0;
    for (int32_t i = 0; i < n_vocab && n > 0; i++) {
        if (n_out == n && !(logits[i] > out[n - 1].logit)) continue;
        if (logits[i] != logits[i]) continue;
        int32_t at = n_out < n ? n_out++ : n - 1;
        for (; at > 0 && out[at - 1].logit < logits[i]; at--) out[at] = out[at - 1];
        out[at] = (og_candidate){ i, logits[i], logits[i] - log_sum };
    }
    bool is_known = token >= 0 && token < n_vocab;
    if (token_logprob) *token_logprob = is_known ? logits[token] - log_sum : -INFINITY;
    return n_out;
}
