/* SPDX-License-Identifier: MIT
 *
 * Sequences: pages are taken as tokens come and given back, copies and truncations go on as if the
 * tokens had been fed anew. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/engine_impl.h"
#include "tests/support/golden.h"

static og_ctx *ctx;
static og_model *m;
static int32_t token[300];

static void open_model(const char *name, int n_sequence)
{
    char *dir = ogt_kind_dir("models"), path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    free(dir);
    og_model_options o = { .device = { .n_thread = 2 }, .n_ctx = 256, .n_sequence = n_sequence };
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(og_model_load(ctx, path, &o, &m) == OG_OK, "%s", og_error(ctx));
    for (int i = 0; i < OGI_LEN(token); i++) token[i] = 1 + i * 7 % 200;
}

static void set_up(void)
{
    open_model("tales-1m-F16.gguf", 3);
}

static void tear_down(void)
{
    og_model_free(m);
    og_ctx_free(ctx);
}

TestSuite(sequence, .init = set_up, .fini = tear_down);

static og_sequence *new_sequence(void)
{
    og_sequence *s;
    cr_assert(og_sequence_new(m, &s) == OG_OK, "%s", og_error(ctx));
    return s;
}

typedef struct row {
    float *logits;
    int64_t n;
} row;

static bool keep_row(void *user, int feed, int64_t i, const float *logits)
{
    (void)feed, (void)i;
    row *r = user;
    memcpy(r->logits, logits, (size_t)r->n * sizeof *logits);
    return true;
}

/* Feeds tokens from .. to - 1; the last one's logits. */
static row feed(og_sequence *s, int from, int to)
{
    row r = { .n = ogi_model_vocab_size(m) };
    r.logits = malloc((size_t)r.n * sizeof *r.logits);
    og_feed f = { .seq = s, .token = token + from, .n = to - from };
    cr_assert(og_model_feed(m, &f, 1, OG_ROWS_LAST, keep_row, &r) == OG_OK, "%s", og_error(ctx));
    return r;
}

static void expect_same(row a, row b)
{
    cr_assert(!memcmp(a.logits, b.logits, (size_t)a.n * sizeof *a.logits));
    free(a.logits);
    free(b.logits);
}

Test(sequence, takes_a_page_each_64_tokens_and_gives_them_back)
{
    og_sequence *s = new_sequence();
    int64_t all = m->page.n;
    free(feed(s, 0, 64).logits);
    cr_assert(s->n_page == 1 && m->page.n == all - 1);
    free(feed(s, 64, 65).logits);
    cr_assert(s->n_page == 2);
    free(feed(s, 65, 200).logits);
    cr_assert(s->n_page == 4 && og_sequence_length(s) == 200);
    cr_assert(og_sequence_truncate(s, 128) == OG_OK);
    cr_assert(s->n_page == 2 && m->page.n == all - 2);
    og_sequence_free(s);
    cr_assert(m->page.n == all);
}

Test(sequence, there_is_an_end_of_them)
{
    og_sequence *s[3], *more;
    for (int i = 0; i < 3; i++) s[i] = new_sequence();
    cr_assert(og_sequence_new(m, &more) == OG_E_LIMIT && !more);
    og_error_clear(ctx);
    og_sequence_free(s[1]);
    s[1] = new_sequence();
    cr_assert(s[1]->slot != s[0]->slot && s[1]->slot != s[2]->slot);
}

Test(sequence, goes_on_behind_a_truncation_as_if_fed_anew)
{
    og_sequence *a = new_sequence(), *b = new_sequence();
    free(feed(a, 0, 150).logits);
    cr_assert(og_sequence_truncate(a, 70) == OG_OK);
    free(feed(b, 0, 70).logits);
    expect_same(feed(a, 200, 210), feed(b, 200, 210));
}

Test(sequence, a_copy_goes_on_by_itself)
{
    og_sequence *a = new_sequence(), *b = new_sequence(), *c = new_sequence();
    free(feed(a, 0, 100).logits);
    cr_assert(og_sequence_copy(b, a, 0) == OG_OK && og_sequence_length(b) == 100);
    for (int i = 0; i < a->n_page; i++)
        for (int k = 0; k < b->n_page; k++) cr_assert(a->page[i] != b->page[k]);
    free(feed(a, 250, 260).logits); /* b does not see it */
    free(feed(c, 0, 100).logits);
    expect_same(feed(b, 210, 215), feed(c, 210, 215));
}

Test(sequence, lengths_that_make_no_sense_are_refused)
{
    og_sequence *a = new_sequence(), *b = new_sequence();
    free(feed(a, 0, 10).logits);
    cr_assert(og_sequence_truncate(a, 11) == OG_E_INVALID);
    og_error_clear(ctx);
    cr_assert(og_sequence_truncate(a, -1) == OG_E_INVALID);
    og_error_clear(ctx);
    cr_assert(og_sequence_copy(b, a, 1) == OG_E_INVALID, "b has no token alike");
    og_error_clear(ctx);
    cr_assert(og_sequence_copy(a, a, 0) == OG_E_INVALID);
    cr_assert(og_sequence_length(a) == 10 && og_sequence_length(b) == 0);
}
