/* SPDX-License-Identifier: MIT
 *
 * From the user's options to a chain: bias first, the filters in their order, then one stage that
 * selects. */
#include "text/sampler/stage.h"

/* A stage of the config for one filter. */
static og_sampler_stage filter_stage(const og_sampler_config *c, const og_vocab_view *vocab,
                                     uint32_t seed, og_sampler_kind kind)
{
    og_sampler_stage st = { .kind = kind, .min_keep = c->min_keep, .seed = seed, .newline = -1 };
    switch (kind) {
    case OG_SAMPLER_PENALTIES:
        st.last_n = c->penalty_last_n < 0 ? c->n_ctx : c->penalty_last_n;
        st.repeat = c->penalty_repeat;
        st.freq = c->penalty_freq;
        st.present = c->penalty_present;
        if (!c->penalize_nl) st.newline = vocab->newline;
        break;
    case OG_SAMPLER_DRY:
        st.p = c->dry_multiplier;
        st.base = c->dry_base;
        st.allowed_length = c->dry_allowed_length;
        st.last_n = c->dry_penalty_last_n;
        st.n_ctx = c->n_ctx;
        break;
    case OG_SAMPLER_TOP_N_SIGMA: st.p = c->top_n_sigma; break;
    case OG_SAMPLER_TOP_K: st.k = c->top_k; break;
    case OG_SAMPLER_TYPICAL: st.p = c->typical_p; break;
    case OG_SAMPLER_TOP_P: st.p = c->top_p; break;
    case OG_SAMPLER_MIN_P: st.p = c->min_p; break;
    case OG_SAMPLER_TAIL_FREE: st.p = c->tfs_z; break;
    case OG_SAMPLER_XTC: st.p = c->xtc_probability, st.threshold = c->xtc_threshold; break;
    case OG_SAMPLER_TEMPERATURE:
        st.p = c->temp;
        st.delta = c->dynatemp_range;
        st.exponent = c->dynatemp_exponent;
        break;
    case OG_SAMPLER_LOGIT_BIAS: st.bias = c->bias, st.n_bias = c->n_bias; break;
    case OG_SAMPLER_MIROSTAT:
    case OG_SAMPLER_MIROSTAT_V2:
        st.p = c->mirostat_tau, st.eta = c->mirostat_eta, st.m = 100;
        break;
    case OG_SAMPLER_ADAPTIVE_P: st.p = c->adaptive_target, st.decay = c->adaptive_decay; break;
    case OG_SAMPLER_INFILL:
    case OG_SAMPLER_GREEDY:
    case OG_SAMPLER_DIST:
    case OG_SAMPLER_COUNT: break;
    }
    return st;
}

/* Temperature 0 takes the likeliest token. Filters that change logits stay; those that only cut
 * would keep it, or (XTC, typical) drop it. kind holds n. */
static int likeliest_order(const og_sampler_config *c, og_sampler_kind *kind, int n)
{
    for (int i = 0; i < c->n_samplers && n < OG_SAMPLER_MAX_STAGES - 1; i++)
        if (c->samplers[i] == OG_SAMPLER_PENALTIES || c->samplers[i] == OG_SAMPLER_DRY ||
            c->samplers[i] == OG_SAMPLER_INFILL)
            kind[n++] = c->samplers[i];
    kind[n++] = OG_SAMPLER_GREEDY;
    return n;
}

/* The kinds of the chain's stages, in order; returns how many. */
static int chain_order(const og_sampler_config *c, og_sampler_kind *kind)
{
    int n = 0;
    bool is_adaptive = c->adaptive_target >= 0.0f;
    if (c->n_bias) kind[n++] = OG_SAMPLER_LOGIT_BIAS;
    if (c->temp <= 0.0f) return likeliest_order(c, kind, n);
    if (c->mirostat) {
        /* Mirostat does the cutting itself; other filters would fight it. */
        kind[n++] = OG_SAMPLER_TEMPERATURE;
        kind[n++] = c->mirostat == 1 ? OG_SAMPLER_MIROSTAT : OG_SAMPLER_MIROSTAT_V2;
        return n;
    }
    for (int i = 0; i < c->n_samplers && n < OG_SAMPLER_MAX_STAGES - 1; i++) {
        if (c->samplers[i] == OG_SAMPLER_ADAPTIVE_P)
            is_adaptive = true;
        else
            kind[n++] = c->samplers[i];
    }
    kind[n++] = is_adaptive ? OG_SAMPLER_ADAPTIVE_P : OG_SAMPLER_DIST;
    return n;
}

og_status og_sampler_new(og_ctx *ctx, const og_sampler_config *config, const og_vocab_view *vocab,
                         og_sampler **out)
{
    OGI_NEEDS(ctx, ctx && out);
    og_sampler_config c;
    const char *breaker[OG_SAMPLER_MAX_BREAKERS];
    og_sampler_kind kind[OG_SAMPLER_MAX_STAGES];
    og_sampler_stage stage[OG_SAMPLER_MAX_STAGES];
    *out = NULL;
    og_sampler_config_init(&c);
    if (config) c = *config;
    if (c.mirostat < 0 || c.mirostat > 2)
        OG_FAIL(ctx, OG_E_INVALID, "mirostat: %d is not 0, 1 or 2", (int)c.mirostat);
    if (c.n_samplers < 0 || c.n_samplers > OG_SAMPLER_MAX_STAGES - 2 || c.n_dry_breaker < 0 ||
        c.n_dry_breaker > OG_SAMPLER_MAX_BREAKERS || c.n_bias < 0 || c.n_bias > OG_SAMPLER_MAX_BIAS)
        OG_FAIL(ctx, OG_E_INVALID, "sampler: the config's counts are out of range");
    if (c.penalty_last_n < -1 || c.dry_penalty_last_n < -1)
        OG_FAIL(ctx, OG_E_INVALID,
                "penalties look back %d tokens; expected a count, 0 for none, or -1 for the whole "
                "context",
                (int)OGI_MIN(c.penalty_last_n, c.dry_penalty_last_n));
    if (!c.penalize_nl && (!vocab || vocab->newline < 0))
        OG_FAIL(ctx, OG_E_INVALID, "penalize_nl = false needs a vocabulary with a newline token");
    uint32_t seed = c.seed == OG_SAMPLER_SEED_RANDOM ? ogi_rng_entropy() : c.seed;
    for (int i = 0; i < c.n_dry_breaker; i++) breaker[i] = c.dry_breaker[i];
    int n = chain_order(&c, kind);
    for (int i = 0; i < n; i++) {
        stage[i] = filter_stage(&c, vocab, seed, kind[i]);
        if (kind[i] != OG_SAMPLER_DRY) continue;
        stage[i].breaker_text = breaker;
        stage[i].n_breaker_text = c.n_dry_breaker;
    }
    return og_sampler_new_chain(ctx, stage, n, vocab, out);
}
