/* SPDX-License-Identifier: MIT
 *
 * Reads headers and a test as text: a function counts as called if its name and a parenthesis stand
 * in the test. */
#include "tests/support/misuse.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

static void read_text(og_ctx *ctx, const char *root, const char *folder, const char *name,
                      ogi_buf *out)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s%s", root, folder, name);
    cr_assert_eq(ogi_file_read(ctx, path, 1 << 20, out), OG_OK, "%s", og_error(ctx));
}

/* Names that follow OG_API in a header and that the text does not call. */
static int missing_of(const char *header, const char *declared, const char *text)
{
    int n_missing = 0;
    char name[64];
    for (const char *at = declared; (at = strstr(at, "\nOG_API ")); at++) {
        const char *open = strchr(at, '('), *from = open;
        while (isalnum((unsigned char)from[-1]) || from[-1] == '_') from--;
        snprintf(name, sizeof name, "%.*s", (int)(open - from + 1), from);
        if (strstr(text, name)) continue;
        fprintf(stderr, "%s: %s is called with no wrong argument\n", header, name);
        n_missing++;
    }
    return n_missing;
}

void ogt_expect_all_called(const char *root, const char *const *header, int n, const char *file)
{
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    ogi_buf own = { .ctx = ctx };
    int n_missing = 0;
    read_text(ctx, root, "", file, &own);
    for (int i = 0; i < n; i++) {
        ogi_buf text = { .ctx = ctx };
        read_text(ctx, root, "include/oxigraph/", header[i], &text);
        n_missing += missing_of(header[i], ogi_buf_str(&text), ogi_buf_str(&own));
        ogi_buf_free(&text);
    }
    ogi_buf_free(&own);
    og_ctx_free(ctx);
    cr_assert_eq(n_missing, 0);
}
