/* SPDX-License-Identifier: MIT
 *
 * Beam search over a real model: copies of sequences go on as what they were copied from, and the
 * answer is the likeliest of all. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/ctx.h"
#include "oxigraph/generate.h"
#include "runtime/engine.h"

enum { N_VOCAB = 4096 };

static const char prompt[] = "Once upon a time there was a fox";

typedef struct rig {
    og_ctx *ctx;
    og_model *m;
    og_tokenizer *t;
    og_sampler *s;
    og_tokens ids;
    int64_t n_vocab;
    char text[4096];
    size_t n_text;
} rig;

static rig open_rig(int n_sequence)
{
    rig r = { 0 };
    const char *path = OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf";
    og_model_options o = { .n_sequence = n_sequence, .n_ctx = 256 };
    og_model_info info;
    cr_assert_eq(og_ctx_new(NULL, &r.ctx), OG_OK);
    cr_assert_eq(og_model_load(r.ctx, path, &o, &r.m), OG_OK, "%s", og_error(r.ctx));
    cr_assert_eq(og_tokenizer_open(r.ctx, path, NULL, 0, &r.t), OG_OK, "%s", og_error(r.ctx));
    cr_assert_eq(og_sampler_new(r.ctx, NULL, NULL, &r.s), OG_OK);
    cr_assert_eq(
        og_tokenizer_encode(r.t, r.ctx, prompt, strlen(prompt), OG_ENCODE_ADD_SPECIAL, &r.ids),
        OG_OK);
    og_model_get_info(r.m, &info);
    r.n_vocab = info.n_vocab;
    return r;
}

static void close_rig(rig *r)
{
    og_tokens_free(r->ctx, &r->ids);
    og_sampler_free(r->s);
    og_tokenizer_free(r->t);
    og_model_free(r->m);
    og_ctx_free(r->ctx);
}

static bool keep_row(void *user, int f, int64_t i, const float *logits)
{
    (void)f, (void)i;
    memcpy(user, logits, N_VOCAB * sizeof *logits);
    return true;
}

static og_sequence *sequence(rig *r)
{
    og_sequence *s;
    cr_assert_eq(og_sequence_new(r->m, &s), OG_OK, "%s", og_error(r->ctx));
    return s;
}

/* The log-probabilities behind tokens. */
static void feed(rig *r, og_sequence *s, const int32_t *token, int64_t n, double *row)
{
    static float logits[N_VOCAB];
    og_feed f = { .seq = s, .token = token, .n = n };
    cr_assert_eq(r->n_vocab, N_VOCAB);
    cr_assert_eq(og_model_feed(r->m, &f, 1, OG_ROWS_LAST, keep_row, logits), OG_OK);
    double sum = 0, max = -INFINITY;
    for (int i = 0; i < N_VOCAB; i++) max = fmax(max, (double)logits[i]);
    for (int i = 0; i < N_VOCAB; i++) sum += exp((double)logits[i] - max);
    for (int i = 0; i < N_VOCAB; i++) row[i] = (double)logits[i] - max - log(sum);
}

Test(sequence, a_copy_goes_on_as_the_original_would)
{
    static double want[N_VOCAB], got[N_VOCAB];
    rig r = open_rig(3);
    og_sequence *a = sequence(&r), *b = sequence(&r), *c = sequence(&r);
    int32_t filler[150];
    for (int i = 0; i < 150; i++) filler[i] = 5 + i % 40;
    feed(&r, a, r.ids.id, r.ids.n, want);
    feed(&r, b, filler, 70, got);
    cr_assert_eq(og_sequence_copy(c, a, 0), OG_OK);
    cr_assert_eq(og_sequence_copy(b, a, 0), OG_OK);
    cr_assert_eq(og_sequence_length(b), r.ids.n);
    feed(&r, a, filler, 150, want);
    feed(&r, b, filler, 150, got);
    cr_assert(!memcmp(want, got, sizeof want));
    /* what both begin with is not copied again */
    cr_assert_eq(og_sequence_copy(c, a, r.ids.n), OG_OK);
    feed(&r, a, filler, 1, want);
    feed(&r, c, filler, 1, got);
    cr_assert(!memcmp(want, got, sizeof want));
    cr_assert_eq(og_sequence_copy(c, c, 0), OG_E_INVALID);
    cr_assert_eq(og_sequence_copy(c, a, 1000), OG_E_INVALID);
    close_rig(&r);
}

static bool hear(void *user, const char *p, size_t n)
{
    rig *r = user;
    cr_assert(r->n_text + n < sizeof r->text);
    memcpy(r->text + r->n_text, p, n);
    r->text[r->n_text += n] = 0;
    return true;
}

/* The sum of the answer's log-probabilities, and its text in r->text. */
static og_generate_result answer(rig *r, int width, int64_t n, og_tokens *chosen)
{
    og_sequence *s = sequence(r);
    og_generate_result result;
    og_generate_options o = { .prompt = r->ids.id,
                              .n_prompt = r->ids.n,
                              .max_tokens = n,
                              .chosen = chosen,
                              .text = hear,
                              .user = r };
    og_beams_options b = { .width = width };
    r->n_text = 0;
    cr_assert_eq(og_generate_beams(r->m, s, r->t, r->s, &b, &o, &result), OG_OK, "%s",
                 og_error(r->ctx));
    og_sequence_free(s);
    return result;
}

Test(beams, equal_brute_force_over_two_tokens)
{
    static double first[N_VOCAB], second[N_VOCAB];
    rig r = open_rig(64);
    og_sequence *s = sequence(&r);
    double best = -INFINITY;
    int32_t pair[2] = { -1, -1 };
    feed(&r, s, r.ids.id, r.ids.n, first);
    for (int32_t a = 0; a < N_VOCAB; a++) {
        if (first[a] <= best) continue; /* a second token makes it no likelier */
        cr_assert_eq(og_sequence_truncate(s, r.ids.n), OG_OK);
        feed(&r, s, &a, 1, second);
        for (int32_t b = 0; b < N_VOCAB; b++)
            if (first[a] + second[b] > best && !og_tokenizer_is_eog(r.t, a))
                best = first[a] + second[b], pair[0] = a, pair[1] = b;
    }
    og_sequence_free(s);
    og_tokens chosen = { 0 };
    og_generate_result result = answer(&r, 63, 2, &chosen);
    cr_assert(chosen.n == 2 && chosen.id[0] == pair[0] && chosen.id[1] == pair[1]);
    cr_assert(result.stop == OG_STOP_LENGTH && result.n_generated == 2);
    cr_assert(result.n_prompt == r.ids.n && r.n_text > 0);
    og_tokens_free(r.ctx, &chosen);
    close_rig(&r);
}

/* Logits of each beam by feeding all of its text anew. */
static og_status feed_anew(void *user, const og_beam *beam, int32_t n, float *logits)
{
    rig *r = user;
    for (int32_t i = 0; i < n; i++) {
        og_sequence *s = sequence(r);
        og_feed f = { .seq = s, .token = r->ids.id, .n = r->ids.n };
        float *row = logits + (int64_t)i * N_VOCAB;
        cr_assert_eq(og_model_feed(r->m, &f, 1, OG_ROWS_LAST, keep_row, row), OG_OK);
        f.token = beam[i].tokens, f.n = beam[i].n;
        if (f.n) cr_assert_eq(og_model_feed(r->m, &f, 1, OG_ROWS_LAST, keep_row, row), OG_OK);
        og_sequence_free(s);
    }
    return OG_OK;
}

static void expect_same_as_anew(rig *r, int width, int64_t length)
{
    og_tokens chosen = { 0 };
    og_beam *want;
    int32_t n, end[16], n_end = 0;
    for (int32_t i = 0; i < N_VOCAB; i++)
        if (og_tokenizer_is_eog(r->t, i)) end[n_end++] = i;
    og_beam_options o = { .width = width,
                          .max_tokens = (int32_t)length,
                          .end = end,
                          .n_end = n_end,
                          .step = feed_anew,
                          .user = r };
    cr_assert_eq(og_beam_search(r->ctx, &o, N_VOCAB, &want, &n), OG_OK);
    answer(r, width, length, &chosen);
    cr_assert(chosen.n == want[0].n &&
              !memcmp(chosen.id, want[0].tokens, (size_t)chosen.n * sizeof *chosen.id));
    og_beams_free(r->ctx, want);
    og_tokens_free(r->ctx, &chosen);
}

Test(beams, find_what_feeding_every_text_anew_finds)
{
    rig r = open_rig(10);
    expect_same_as_anew(&r, 1, 20);
    expect_same_as_anew(&r, 3, 20);
    expect_same_as_anew(&r, 8, 20);
    close_rig(&r);
}

Test(beams, refuse_what_they_cannot)
{
    rig r = open_rig(2);
    og_sequence *s = sequence(&r);
    og_generate_result result;
    og_generate_options o = { .prompt = r.ids.id, .n_prompt = r.ids.n, .max_tokens = 4 };
    og_beams_options b = { .width = 64 };
    cr_assert_eq(og_generate_beams(r.m, s, r.t, r.s, &b, &o, &result), OG_E_INVALID);
    og_error_clear(r.ctx);
    b.width = 4; /* the model has room for one more sequence */
    cr_assert_eq(og_generate_beams(r.m, s, r.t, r.s, &b, &o, &result), OG_E_LIMIT);
    og_error_clear(r.ctx);
    og_sequence *again = sequence(&r); /* what was taken is given back */
    og_sequence_free(again);
    close_rig(&r);
}
