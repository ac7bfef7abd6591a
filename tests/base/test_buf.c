/* SPDX-License-Identifier: MIT
 *
 * Buffers end in a NUL, hold any bytes, and after a failure take nothing more. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/buf.h"

static size_t most = SIZE_MAX; /* bytes of one allocation */

static void *limited(void *user, void *p, size_t size)
{
    (void)user;
    if (!size) {
        free(p);
        return NULL;
    }
    return size > most ? NULL : realloc(p, size);
}

static og_ctx *ctx;

static void set_up(void)
{
    cr_assert(og_ctx_new(&(og_ctx_options){ .realloc = limited }, &ctx) == OG_OK);
}

static void tear_down(void)
{
    og_ctx_free(ctx);
}

TestSuite(buf, .init = set_up, .fini = tear_down);

Test(buf, an_empty_one_is_an_empty_text)
{
    ogi_buf b = { .ctx = ctx };
    cr_assert_str_eq(ogi_buf_str(&b), "");
    ogi_buf_add(&b, NULL, 0);
    cr_assert(b.n == 0 && !b.failed);
    ogi_buf_free(&b);
}

Test(buf, grows_by_every_way_of_adding)
{
    ogi_buf b = { .ctx = ctx };
    ogi_buf_puts(&b, "ab");
    ogi_buf_putc(&b, '\0');
    ogi_buf_add(&b, "cd", 2);
    ogi_buf_printf(&b, "%0500d", 7);
    cr_assert(b.n == 505 && b.p[b.n] == '\0');
    cr_assert(!memcmp(b.p, "ab\0cd000", 8) && b.p[504] == '7');
    ogi_buf_free(&b);
    cr_assert(b.n == 0);
    ogi_buf_puts(&b, "again");
    cr_assert_str_eq(ogi_buf_str(&b), "again");
    ogi_buf_free(&b);
}

Test(buf, a_failure_stays)
{
    ogi_buf b = { .ctx = ctx };
    most = 64;
    for (int i = 0; i < 100; i++) ogi_buf_puts(&b, "0123456789");
    cr_assert(b.failed);
    size_t n = b.n;
    most = SIZE_MAX;
    ogi_buf_puts(&b, "x");
    ogi_buf_printf(&b, "%d", 1);
    cr_assert(b.failed && b.n == n, "nothing is added behind a gap");
    ogi_buf_free(&b);
}

Test(buf, views_compare_by_bytes)
{
    cr_assert(ogi_sv_eq(OGI_SV("a\0b"), (ogi_sv){ "a\0b", 3 }));
    cr_assert(!ogi_sv_eq(OGI_SV("a\0b"), (ogi_sv){ "a\0c", 3 }));
    cr_assert(ogi_sv_eq((ogi_sv){ NULL, 0 }, OGI_SV("")));
    cr_assert(ogi_sv_starts(OGI_SV("prefix"), OGI_SV("pre")) &&
              ogi_sv_starts(OGI_SV("x"), OGI_SV("")));
    cr_assert(!ogi_sv_starts(OGI_SV("pre"), OGI_SV("prefix")));
}
