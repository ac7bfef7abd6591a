/* SPDX-License-Identifier: MIT
 *
 * The sampler's own rules: what the reference data does not cover. */
#include "oxigraph/sampler.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/ctx.h"
#include "tests/support/gguf_writer.h"
#include "text/sampler/gguf.h"

static og_ctx *ctx;

static void open_ctx(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
}
static void close_ctx(void)
{
    og_ctx_free(ctx);
}

TestSuite(sampler, .init = open_ctx, .fini = close_ctx);

static uint64_t random_state = 7;

static float random_logit(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (float)(random_state >> 40) / 16777216.0f * 20.0f - 10.0f;
}

static og_sampler *chain(const og_sampler_stage *stage, int n)
{
    og_sampler *s = NULL;
    cr_assert(og_sampler_new_chain(ctx, stage, n, NULL, &s) == OG_OK, "%s", og_error(ctx));
    return s;
}

static int by_falling(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x > y ? -1 : x < y;
}

Test(sampler, top_k_of_a_large_vocabulary_is_the_k_best)
{
    enum { N = 150000 };
    float *x = malloc(N * sizeof *x), *sorted = malloc(N * sizeof *x);
    for (int i = 0; i < N; i++) sorted[i] = x[i] = random_logit();
    qsort(sorted, N, sizeof *x, by_falling);
    const int ks[] = { 1, 40, 1024, 1025, 5000, N };
    for (int t = 0; t < OGI_LEN(ks); t++) {
        /* The bias makes the chain take the way over candidates instead of raw logits. */
        og_token_bias none = { 0, 0.0f };
        og_sampler_stage st[] = { { .kind = OG_SAMPLER_LOGIT_BIAS, .bias = &none, .n_bias = 1 },
                                  { .kind = OG_SAMPLER_TOP_K, .k = ks[t] } };
        for (int from = 0; from < 2; from++) {
            og_sampler *s = chain(st + from, 2 - from);
            int32_t token, n;
            cr_assert(og_sampler_sample(s, x, N, &token) == OG_OK);
            const og_candidate *c = og_sampler_candidates(s, &n);
            cr_assert(n == ks[t]);
            for (int i = 0; i < n; i++) {
                cr_assert(c[i].logit == sorted[i]);
                cr_assert(x[c[i].id] == c[i].logit);
            }
            og_sampler_free(s);
        }
    }
    free(x), free(sorted);
}

Test(sampler, top_p_without_top_k_keeps_the_same_as_after_a_full_sort)
{
    enum { N = 20000 };
    float x[N];
    for (int i = 0; i < N; i++) x[i] = random_logit() * 0.4f;
    for (int i = 0; i < 3; i++) {
        float p = (const float[]){ 0.01f, 0.5f, 0.95f }[i];
        og_sampler_stage st[] = { { .kind = OG_SAMPLER_TOP_K, .k = N },
                                  { .kind = OG_SAMPLER_TOP_P, .p = p } };
        og_sampler *sorted = chain(st, 2), *direct = chain(st + 1, 1);
        int32_t token, n_a, n_b;
        og_sampler_sample(sorted, x, N, &token);
        og_sampler_sample(direct, x, N, &token);
        const og_candidate *a = og_sampler_candidates(sorted, &n_a);
        const og_candidate *b = og_sampler_candidates(direct, &n_b);
        /* The float sum of the normalisation runs in another order: a candidate of leeway. */
        cr_assert(abs(n_a - n_b) <= 1 && n_a > 0, "%d and %d", n_a, n_b);
        for (int k = 0; k < n_a && k < n_b; k++) cr_assert(a[k].logit == b[k].logit);
        og_sampler_free(sorted), og_sampler_free(direct);
    }
}

Test(sampler, equal_seeds_give_equal_tokens_and_clones_go_on_alike)
{
    enum { N = 1000 };
    float x[N];
    og_sampler_config c;
    og_sampler_config_init(&c);
    c.seed = 11, c.temp = 1.5f, c.penalty_repeat = 1.2f, c.xtc_probability = 0.3f;
    c.n_dry_breaker = 0, c.dry_multiplier = 0.8f;
    og_sampler *a, *b, *copy = NULL;
    cr_assert(og_sampler_new(ctx, &c, NULL, &a) == OG_OK);
    cr_assert(og_sampler_new(ctx, &c, NULL, &b) == OG_OK);
    int32_t first[64];
    for (int step = 0; step < 64; step++) {
        int32_t ta, tb, tc;
        for (int i = 0; i < N; i++) x[i] = random_logit();
        cr_assert(og_sampler_sample(a, x, N, &ta) == OG_OK);
        cr_assert(og_sampler_sample(b, x, N, &tb) == OG_OK);
        cr_assert(ta == tb);
        first[step] = ta;
        og_sampler_accept(a, ta), og_sampler_accept(b, tb);
        if (copy) {
            cr_assert(og_sampler_sample(copy, x, N, &tc) == OG_OK);
            cr_assert(tc == ta, "the clone chose otherwise");
            og_sampler_accept(copy, tc);
        }
        if (step == 20) cr_assert(og_sampler_clone(a, &copy) == OG_OK);
    }
    og_sampler_reset(a);
    random_state = 7; /* the same rows again */
    for (int step = 0; step < 64; step++) {
        int32_t t;
        for (int i = 0; i < N; i++) x[i] = random_logit();
        og_sampler_sample(a, x, N, &t);
        og_sampler_accept(a, t);
        if (step == 0) cr_assert(og_sampler_seed(a) == 11);
        cr_assert(t == first[step], "step %d after reset", step);
    }
    og_sampler_free(a), og_sampler_free(b), og_sampler_free(copy);
}

Test(sampler, forgets_tokens_and_goes_on_with_its_random_numbers)
{
    enum { N = 50 };
    float x[N];
    og_sampler_config c;
    og_sampler_config_init(&c);
    c.seed = 11, c.penalty_repeat = 3.0f, c.penalty_last_n = 8, c.top_k = 0, c.min_p = 0;
    og_sampler *a, *b;
    cr_assert(og_sampler_new(ctx, &c, NULL, &a) == OG_OK);
    cr_assert(og_sampler_new(ctx, &c, NULL, &b) == OG_OK);
    int n_other = 0;
    for (int step = 0; step < 64; step++) {
        int32_t ta, tb;
        for (int i = 0; i < N; i++) x[i] = 0.2f * random_logit();
        for (int i = 0; i < 8; i++) og_sampler_accept(a, (step + i) % N);
        int32_t other;
        og_sampler *kept;
        cr_assert(og_sampler_clone(a, &kept) == OG_OK);
        og_sampler_sample(kept, x, N, &other);
        og_sampler_free(kept);
        og_sampler_forget(a), og_sampler_forget(b);
        og_sampler_accept(a, 3), og_sampler_accept(b, 3);
        og_sampler_sample(a, x, N, &ta);
        og_sampler_sample(b, x, N, &tb);
        cr_assert(ta == tb, "step %d: the forgotten tokens count", step);
        n_other += other != ta;
    }
    cr_assert(n_other > 0, "no token was penalized");
    og_sampler_free(a), og_sampler_free(b);
}

Test(sampler, allocates_nothing_after_the_first_token)
{
    enum { N = 30000 };
    float *x = malloc(N * sizeof *x);
    og_sampler_config c;
    og_sampler_config_init(&c);
    c.seed = 3, c.penalty_repeat = 1.1f, c.dry_multiplier = 0.5f, c.n_dry_breaker = 0;
    og_sampler *s;
    cr_assert(og_sampler_new(ctx, &c, NULL, &s) == OG_OK);
    int64_t before = 0;
    for (int step = 0; step < 200; step++) {
        int32_t token, n;
        for (int i = 0; i < N; i++) x[i] = random_logit();
        og_sampler_sample(s, x, N, &token);
        og_sampler_candidates(s, &n);
        og_sampler_accept(s, token);
        if (step == 0) before = ogi_alloc_count(ctx);
    }
    cr_assert(ogi_alloc_count(ctx) == before);
    og_sampler_free(s);
    free(x);
}

Test(sampler, newline_penalty_can_be_left_out)
{
    const float x[] = { 2.0f, 1.0f, 3.0f };
    og_sampler_stage st = {
        .kind = OG_SAMPLER_PENALTIES, .last_n = 8, .repeat = 2.0f, .newline = 2
    };
    og_sampler *s = chain(&st, 1);
    int32_t token, n;
    og_sampler_accept(s, 2), og_sampler_accept(s, 0);
    og_sampler_sample(s, x, 3, &token);
    const og_candidate *c = og_sampler_candidates(s, &n);
    cr_assert(c[0].logit == 1.0f && c[1].logit == 1.0f && c[2].logit == 3.0f);
    og_sampler_free(s);
}

Test(sampler, tail_free_cuts_where_the_curve_flattens)
{
    /* p = 0.5 0.3 0.1 0.06 0.04: first differences 0.2 0.2 0.04 0.02, second 0 0.16 0.02,
     * normalised 0 0.889 0.111. */
    const float x[] = { logf(0.5f), logf(0.3f), logf(0.1f), logf(0.06f), logf(0.04f) };
    const struct {
        float z;
        int32_t n;
    } cases[] = { { 0.5f, 1 }, { 0.95f, 2 }, { 1.0f, 5 } };
    for (int i = 0; i < 3; i++) {
        og_sampler_stage st = { .kind = OG_SAMPLER_TAIL_FREE, .p = cases[i].z };
        og_sampler *s = chain(&st, 1);
        int32_t token, n;
        og_sampler_sample(s, x, 5, &token);
        og_sampler_candidates(s, &n);
        cr_assert(n == cases[i].n, "z %g keeps %d", (double)cases[i].z, n);
        og_sampler_free(s);
    }
}

Test(sampler, masked_and_broken_logits_are_never_chosen)
{
    og_sampler_config c;
    og_sampler_config_init(&c);
    og_sampler *s;
    int32_t token;
    cr_assert(og_sampler_new(ctx, &c, NULL, &s) == OG_OK);
    const float one[] = { -INFINITY, NAN, 1.0f, -INFINITY };
    for (int i = 0; i < 50; i++) {
        cr_assert(og_sampler_sample(s, one, 4, &token) == OG_OK);
        cr_assert(token == 2);
    }
    const float endless[] = { 1.0f, INFINITY, 2.0f };
    cr_assert(og_sampler_sample(s, endless, 3, &token) == OG_OK && token == 1);
    const float none[] = { -INFINITY, NAN };
    cr_assert(og_sampler_sample(s, none, 2, &token) == OG_E_INVALID);
    cr_assert(token == -1 && strstr(og_error(ctx), "no token is left"));
    og_sampler_free(s);
}

Test(sampler, an_endless_temperature_keeps_masks)
{
    const float masked[] = { -INFINITY, 1.0f, -INFINITY }, none[] = { -INFINITY, -INFINITY };
    og_sampler_config c;
    og_sampler_config_init(&c);
    c.dynatemp_range = 5.0f, c.dynatemp_exponent = -3.0f; /* 0 ^ -3 where one token is certain */
    c.top_k = 0, c.top_p = 1.0f, c.min_p = 0.0f;
    og_sampler *s;
    int32_t token;
    cr_assert(og_sampler_new(ctx, &c, NULL, &s) == OG_OK);
    cr_assert(og_sampler_sample(s, masked, 3, &token) == OG_OK && token == 1);
    cr_assert(og_sampler_sample(s, none, 2, &token) == OG_E_INVALID);
    og_sampler_free(s);
}

Test(sampler, log_probabilities_cover_the_whole_row)
{
    const float x[] = { logf(0.1f), logf(0.6f), -INFINITY, logf(0.3f) };
    og_candidate top[2];
    float own;
    cr_assert(og_logprobs(x, 4, top, 2, 0, &own) == 2);
    cr_assert(top[0].id == 1 && fabsf(top[0].p - logf(0.6f)) < 1e-6f);
    cr_assert(top[1].id == 3 && fabsf(top[1].p - logf(0.3f)) < 1e-6f);
    cr_assert(fabsf(own - logf(0.1f)) < 1e-6f);
}

/* ---- options ---- */

Test(sampler, options_print_back_identically)
{
    og_sampler_config c;
    og_sampler_config_init(&c);
    c.temp = 0.1f, c.top_p = 1.0f / 3.0f, c.seed = 4000000000u, c.penalize_nl = false;
    cr_assert(og_sampler_config_set(ctx, &c, "samplers", "temperature;top-k;typical") == OG_OK);
    cr_assert(og_sampler_config_set(ctx, &c, "logit_bias", "7=-1e-9") == OG_OK);
    cr_assert(og_sampler_config_set(ctx, &c, "logit_bias", "8-inf") == OG_OK);
    cr_assert(og_sampler_config_set(ctx, &c, "dry_sequence_breaker", "a\"\\\t\xc3\xa9\x01") ==
              OG_OK);
    for (int format = 0; format < 2; format++) {
        og_sampler_config back;
        og_sampler_config_init(&back);
        char *text, *again;
        cr_assert(og_sampler_config_print(ctx, &c, (og_sampler_format)format, &text) == OG_OK);
        og_status s = format == OG_SAMPLER_JSON
                          ? og_sampler_config_json(ctx, &back, "x", text, strlen(text))
                          : og_sampler_config_toml(ctx, &back, "x", text, strlen(text));
        cr_assert(s == OG_OK, "%s", og_error(ctx));
        cr_assert(og_sampler_config_equal(&c, &back));
        cr_assert(og_sampler_config_print(ctx, &back, (og_sampler_format)format, &again) == OG_OK);
        cr_assert(!strcmp(text, again));
        og_sampler_text_free(ctx, text), og_sampler_text_free(ctx, again);
    }
}

/* A sampler with penalties over last_n tokens, after token 0 and fifty times token 3. */
static og_sampler *after_many(int32_t last_n)
{
    og_sampler_config c;
    og_sampler *s;
    og_sampler_config_init(&c);
    c.temp = 0, c.penalty_last_n = last_n, c.penalty_repeat = 4;
    cr_assert(og_sampler_new(ctx, &c, NULL, &s) == OG_OK, "%s", og_error(ctx));
    og_sampler_accept(s, 0);
    for (int i = 0; i < 500; i++) og_sampler_accept(s, 3);
    return s;
}

Test(sampler, minus_one_looks_back_over_the_whole_context)
{
    static const struct {
        int32_t last_n, want;
    } cases[] = { { -1, 1 }, { 501, 1 }, { 64, 0 }, { 0, 0 } };
    const float logits[4] = { 3, 2, 1, 0.5f };
    for (int i = 0; i < OGI_LEN(cases); i++) {
        og_sampler *s = after_many(cases[i].last_n);
        int32_t token;
        cr_assert(og_sampler_sample(s, logits, 4, &token) == OG_OK, "%s", og_error(ctx));
        cr_assert_eq(token, cases[i].want, "%d back: token %d", cases[i].last_n, (int)token);
        og_sampler_free(s);
    }
}

static void refused_config(int32_t last_n, int32_t dry_last_n, const char *says)
{
    og_sampler_config c;
    og_sampler *s;
    og_sampler_config_init(&c);
    c.penalty_last_n = last_n, c.dry_penalty_last_n = dry_last_n;
    og_error_clear(ctx);
    cr_assert(og_sampler_new(ctx, &c, NULL, &s) == OG_E_INVALID, "taken: %s", says);
    cr_assert(strstr(og_error(ctx), says), "%s", og_error(ctx));
}

static void refused_stage(og_sampler_stage st, const og_vocab_view *v, const char *says)
{
    og_sampler *s;
    og_error_clear(ctx);
    cr_assert(og_sampler_new_chain(ctx, &st, 1, v, &s) == OG_E_INVALID, "taken: %s", says);
    cr_assert(strstr(og_error(ctx), says), "%s", og_error(ctx));
}

Test(sampler, what_no_chain_can_mean_is_refused)
{
    const og_vocab_view v = { .n_tokens = 10, .eos = -1, .eot = -1, .newline = -1 };
    const og_token_bias outside = { 10, 1 }, negative = { -1, 1 };
    og_sampler_stage p = { .kind = OG_SAMPLER_PENALTIES, .last_n = 64, .repeat = 1.1f };
    refused_config(-2, -1, "-2 tokens");
    refused_config(64, -3, "-3 tokens");
    p.repeat = 0;
    refused_stage(p, NULL, "penalty of 0");
    p.repeat = -1;
    refused_stage(p, NULL, "penalty of -1");
    og_sampler_stage b = { .kind = OG_SAMPLER_LOGIT_BIAS, .bias = &outside, .n_bias = 1 };
    refused_stage(b, &v, "token 10 is none");
    b.bias = &negative;
    refused_stage(b, NULL, "token -1 is none");
}

Test(sampler, temperature_0_is_greedy_whatever_the_chain)
{
    static const char *const chains[] = {
        "temperature", "xtc;temperature", "typ_p;temperature", "top_k", "", "adaptive-p"
    };
    const float logits[5] = { 1, 4, 3.9f, 3.8f, -2 };
    for (int i = 0; i < 3 * OGI_LEN(chains); i++) {
        og_sampler_config c;
        og_sampler *s;
        int32_t token;
        og_sampler_config_init(&c);
        c.temp = 0, c.seed = 7 + (uint32_t)i;
        c.xtc_probability = 1, c.xtc_threshold = 0.05f, c.typical_p = 0.2f;
        c.dynatemp_range = 3, c.mirostat = i % 3, c.top_p = 1, c.min_p = 0;
        const char *list = chains[i / 3];
        cr_assert(og_sampler_config_set(ctx, &c, "samplers", list) == OG_OK, "%s", og_error(ctx));
        cr_assert(og_sampler_new(ctx, &c, NULL, &s) == OG_OK, "%s", og_error(ctx));
        for (int k = 0; k < 20; k++) {
            cr_assert(og_sampler_sample(s, logits, 5, &token) == OG_OK, "%s", og_error(ctx));
            cr_assert_eq(token, 1, "samplers '%s', mirostat %d: token %d", list, i % 3, (int)token);
        }
        og_sampler_free(s);
    }
}

Test(sampler, wrong_options_are_named)
{
    const struct {
        const char *json, *says;
    } bad[] = {
        { "{\"top_q\": 1}", "top_q" },
        { "{\"top_k\": 1.5}", "top_k" },
        { "{\"top_k\": 1e10}", "top_k" },
        { "{\"temp\": \"hot\"}", "temp" },
        { "{\"samplers\": \"top_k;nonsense\"}", "nonsense" },
        { "{\"samplers\": \"dist\"}", "dist" },
        { "{\"logit_bias\": [[1]]}", "logit_bias" },
        { "{\"logit_bias\": {\"-3\": 1}}", "logit_bias" },
        { "{\"penalize_nl\": 1}", "penalize_nl" },
        { "{\"dry_sequence_breakers\": [\"\"]}", "dry_sequence_breakers" },
        { "[1]", "wants an object" },
        { "{", "file.json:1" },
    };
    for (int i = 0; i < OGI_LEN(bad); i++) {
        og_sampler_config c;
        og_sampler_config_init(&c);
        og_error_clear(ctx);
        og_status s =
            og_sampler_config_json(ctx, &c, "file.json", bad[i].json, strlen(bad[i].json));
        cr_assert(s != OG_OK, "%s was taken", bad[i].json);
        cr_assert(strstr(og_error(ctx), bad[i].says), "%s", og_error(ctx));
    }
}

Test(sampler, wrong_options_of_files_are_placed)
{
    const char *json = "{\n  \"temp\": 1,\n  \"top_q\" : 2\n}", *toml = "temp = 1\n\ntop_k = 1.5\n";
    og_sampler_config c;
    og_sampler_config_init(&c);
    cr_assert(og_sampler_config_json(ctx, &c, "a.json", json, strlen(json)) == OG_E_FORMAT);
    cr_assert(strstr(og_error(ctx), "a.json:3: there is no sampling option 'top_q'"), "%s",
              og_error(ctx));
    og_error_clear(ctx);
    cr_assert(og_sampler_config_toml(ctx, &c, "a.toml", toml, strlen(toml)) == OG_E_INVALID);
    cr_assert(strstr(og_error(ctx), "a.toml:3: top_k: 1.5"), "%s", og_error(ctx));
}

static og_status options_of(ogt_gguf *w, og_sampler_config *c)
{
    int64_t size;
    ogi_gguf *f;
    unsigned char *bytes = ogt_gguf_finish(w, &size);
    cr_assert(ogi_gguf_open_memory(ctx, "x.gguf", bytes, size, NULL, 0, &f) == OG_OK, "%s",
              og_error(ctx));
    og_sampler_config_init(c);
    og_status s = ogi_sampler_config_gguf(ctx, f, c);
    ogi_gguf_close(f);
    free(bytes);
    return s;
}

Test(sampler, options_come_from_the_model_file)
{
    ogt_gguf w = { 0 };
    og_sampler_config c, d;
    og_sampler_config_init(&d);
    ogt_gguf_str(&w, "general.sampling.sequence", "top_k;temperature");
    ogt_gguf_u32(&w, "general.sampling.top_k", 20);
    ogt_gguf_f32(&w, "general.sampling.temp", 0.6f);
    cr_assert(options_of(&w, &c) == OG_OK, "%s", og_error(ctx));
    cr_assert(c.top_k == 20 && c.temp == 0.6f && c.top_p == d.top_p && c.n_samplers == 2);
    cr_assert(c.samplers[0] == OG_SAMPLER_TOP_K && c.samplers[1] == OG_SAMPLER_TEMPERATURE);
    ogt_gguf_str(&w, "general.sampling.top_k", "many");
    cr_assert(options_of(&w, &c) == OG_E_FORMAT);
    cr_assert(strstr(og_error(ctx), "x.gguf") && strstr(og_error(ctx), "general.sampling.top_k"));
    og_error_clear(ctx);
    ogt_gguf_f32(&w, "general.sampling.top_k", 1.5f);
    cr_assert(options_of(&w, &c) == OG_E_FORMAT);
    cr_assert(strstr(og_error(ctx), "x.gguf: general.sampling.top_k: '1.5'"), "%s", og_error(ctx));
}

Test(sampler, byte_order_mark_before_options_is_skipped)
{
    const char *json = "\xef\xbb\xbf{\"top_k\": 7}", *toml = "\xef\xbb\xbftop_k = 8\n";
    og_sampler_config c = { 0 };
    cr_assert(og_sampler_config_json(ctx, &c, "j", json, strlen(json)) == OG_OK, "%s",
              og_error(ctx));
    cr_assert(c.top_k == 7);
    cr_assert(og_sampler_config_toml(ctx, &c, "t", toml, strlen(toml)) == OG_OK, "%s",
              og_error(ctx));
    cr_assert(c.top_k == 8);
}
