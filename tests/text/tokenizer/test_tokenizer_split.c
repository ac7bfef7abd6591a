/* SPDX-License-Identifier: MIT
 *
 * Where pre-tokenizers cut, in cases that are easily got wrong. Expectations are spelled with '|'
 * between the pieces. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "text/tokenizer/pre.h"

static og_ctx *ctx;

static void setup(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
}
static void teardown(void)
{
    og_ctx_free(ctx);
}
TestSuite(tokenizer_split, .init = setup, .fini = teardown);

/* Pieces of the text that `want` is without its bars. */
static void check_split(const char *name, const char *want)
{
    char text[256], got[512];
    size_t n = 0, n_got = 0;
    ogi_splitter splitter;
    ogi_sv piece;
    bool more;
    for (const char *p = want; *p; p++)
        if (*p != '|') text[n++] = *p;
    const ogi_pre *pre = ogi_pre_find(ogi_sv_of(name));
    cr_assert(pre && ogi_splitter_build_pre(ctx, pre, &splitter) == OG_OK, "%s", og_error(ctx));
    ogi_split split = { .ctx = ctx, .splitter = &splitter };
    cr_assert(ogi_split_begin(&split, (ogi_sv){ text, n }) == OG_OK);
    while (ogi_split_next(&split, &piece, &more) == OG_OK && more)
        n_got += (size_t)snprintf(got + n_got, sizeof got - n_got, "%s%.*s", n_got ? "|" : "",
                                  (int)piece.n, piece.p);
    cr_assert(!strcmp(got, want), "%s: '%s' instead of '%s'", name, got, want);
    ogi_split_end(&split);
    ogi_splitter_free(&splitter);
}

/* The blanks before a number see it: the last of them stands alone. */
Test(tokenizer_split, blanks_before_grouped_digits_are_cut_as_before_any_word)
{
    static const char *const names[] = { "afmoe", "tiny_aya" };
    for (int i = 0; i < OGI_LEN(names); i++) {
        check_split(names[i], "a|\t| |8| ");
        check_split(names[i], "a|  | |1|234|567");
        check_split(names[i], "x|\n| |12|345|  | |6");
        check_split(names[i], "12|345|a|678");
    }
}

/* AFMOE's last pattern names neither digits nor what has no category. */
Test(tokenizer_split, what_no_later_pattern_names_stays_with_the_digits)
{
    check_split("afmoe", "a|\1771|234");
    check_split("afmoe", "\302\25512|345");
}
