/* SPDX-License-Identifier: MIT
 *
 * Errors and growth: the first error stays, messages drive no terminal, sizes are checked. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "base/ctx.h"

static og_ctx *ctx;

static void set_up(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
}

static void tear_down(void)
{
    og_ctx_free(ctx);
}

TestSuite(ctx, .init = set_up, .fini = tear_down);

Test(ctx, the_first_error_stays)
{
    cr_assert_str_eq(og_error(ctx), "");
    cr_assert_str_eq(og_error_where(ctx), "");
    cr_assert(ogi_fail(ctx, OG_E_IO, "first.c", 7, "%s: %d", "cause", 3) == OG_E_IO);
    cr_assert(ogi_fail(ctx, OG_E_LIMIT, "second.c", 8, "consequence") == OG_E_LIMIT);
    cr_assert_str_eq(og_error(ctx), "cause: 3");
    cr_assert(strstr(og_error_where(ctx), "first.c:7"));
    og_error_clear(ctx);
    cr_assert_str_eq(og_error(ctx), "");
    ogi_fail(ctx, OG_E_LIMIT, "third.c", 9, "anew");
    cr_assert_str_eq(og_error(ctx), "anew");
}

Test(ctx, control_characters_and_broken_text_are_escaped)
{
    ogi_fail(ctx, OG_E_FORMAT, "f.c", 1, "%s", "a\x1b[31mb\n\x9f \xc3\xa9 \xff");
    for (const unsigned char *p = (const unsigned char *)og_error(ctx); *p; p++)
        cr_assert(*p >= 0x20 && *p != 0x7f && *p != 0xff, "%s", og_error(ctx));
    cr_assert(strstr(og_error(ctx), "\xc3\xa9"), "text stays text: %s", og_error(ctx));
}

Test(ctx, long_messages_end_at_a_character)
{
    char text[5000];
    for (size_t i = 0; i < sizeof text - 1; i++) text[i] = i % 2 ? '\xa9' : '\xc3';
    text[sizeof text - 1] = '\0';
    ogi_fail(ctx, OG_E_FORMAT, "f.c", 1, "%.4998s", text);
    size_t n = strlen(og_error(ctx));
    cr_assert(n > 100 && n < sizeof text);
    cr_assert((unsigned char)og_error(ctx)[n - 1] != 0xc3, "half a character at the end");
}

Test(ctx, sizes_that_overflow_are_refused)
{
    cr_assert(!ogi_alloc(ctx, SIZE_MAX / 2, 3));
    cr_assert(strlen(og_error(ctx)));
    int64_t out;
    cr_assert(!ogi_mul_size(INT64_MAX / 2, 3, &out) && !ogi_add_size(INT64_MAX, 1, &out));
    cr_assert(ogi_mul_size(3, 4, &out) && out == 12);
}

Test(ctx, arrays_grow_and_keep_what_they_hold)
{
    int *a = NULL;
    int64_t cap = 0;
    for (int i = 0; i < 1000; i++) {
        cr_assert(ogi_grow(ctx, &a, &cap, i + 1, sizeof *a) == OG_OK && cap > i);
        a[i] = i * i;
    }
    for (int i = 0; i < 1000; i++) cr_assert(a[i] == i * i);
    cr_assert(ogi_alloc_count(ctx) < 30, "it doubles");
    ogi_free(ctx, a);
}

Test(ctx, statuses_have_words)
{
#define S(code, text) cr_assert(strlen(og_status_text(code)) > 1);
    OG_STATUS_LIST(S)
#undef S
    cr_assert(og_status_text((og_status)1000));
}
