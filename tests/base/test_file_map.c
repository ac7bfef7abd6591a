/* SPDX-License-Identifier: MIT
 *
 * Maps that become copies: same address, same bytes, whatever happens to the file afterwards. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

enum { SIZE = 300000 };

static char path[] = "/tmp/og_file_map_XXXXXX";

static unsigned char byte_at(int64_t i)
{
    return (unsigned char)(i * 7 + i / 256);
}

static ogi_file_map open_map(og_ctx *ctx)
{
    ogi_file_map m;
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    for (int64_t i = 0; i < SIZE; i++) cr_assert_eq(write(fd, &(char){ (char)byte_at(i) }, 1), 1);
    close(fd);
    cr_assert_eq(ogi_file_map_open(ctx, path, &m), OG_OK, "%s", og_error(ctx));
    return m;
}

static bool count(void *user, double done)
{
    int *left = user;
    cr_assert(done >= 0 && done <= 1);
    return (*left)-- > 0;
}

Test(file_map, a_copy_outlives_what_the_file_holds)
{
    og_ctx *ctx;
    int left = 100;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    ogi_file_map m = open_map(ctx);
    const unsigned char *at = m.data;
    cr_assert_eq(ogi_file_map_copy(ctx, &m, count, &left), OG_OK, "%s", og_error(ctx));
    cr_assert_lt(left, 100, "progress is told");
    cr_assert_eq(truncate(path, 0), 0); /* a map would end in SIGBUS */
    cr_assert_eq(m.data, at);
    for (int64_t i = 0; i < SIZE; i++) cr_assert_eq(m.data[i], byte_at(i), "byte %d", (int)i);
    ogi_file_map_close(&m);
    unlink(path);
    og_ctx_free(ctx);
}

Test(file_map, fetching_changes_nothing_and_can_be_cancelled)
{
    og_ctx *ctx;
    int left = 100, none = 0;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    ogi_file_map m = open_map(ctx);
    cr_assert_eq(ogi_file_map_fetch(&m, count, &left), OG_OK);
    for (int64_t i = 0; i < SIZE; i += 777) cr_assert_eq(m.data[i], byte_at(i));
    cr_assert_eq(ogi_file_map_fetch(&m, count, &none), OG_E_CANCELLED);
    none = 0;
    cr_assert_eq(ogi_file_map_copy(ctx, &m, count, &none), OG_E_CANCELLED);
    cr_assert_eq(m.data[SIZE - 1], byte_at(SIZE - 1), "a map that was not copied stays");
    ogi_file_map_close(&m);
    cr_assert_eq(ogi_file_map_fetch(&m, count, &left), OG_OK, "of an empty file");
    cr_assert_eq(ogi_file_map_copy(ctx, &m, count, &left), OG_OK);
    unlink(path);
    og_ctx_free(ctx);
}
