/* SPDX-License-Identifier: MIT
 *
 * Files as part of a message: text alone, whole, below a size. */
#include "tools/chat/read.h"

#include "base/file.h"
#include "text/value/value.h"

static og_status check_text(og_ctx *ctx, const char *path, ogi_sv text)
{
    size_t bad;
    const char *nul = memchr(text.p, 0, text.n);
    if (nul)
        OG_FAIL(ctx, OG_E_FORMAT, "%s: is not text: a NUL at byte %zu", path,
                (size_t)(nul - text.p));
    if (!ogi_tv_utf8_valid(text.p, text.n, &bad))
        OG_FAIL(ctx, OG_E_FORMAT, "%s: is not text: no UTF-8 at byte %zu", path, bad);
    return OG_OK;
}

og_status chat_read_file(og_ctx *ctx, const char *path, size_t max, ogi_buf *out)
{
    ogi_file_map map;
    OG_TRY(ogi_file_map_open(ctx, path, &map));
    ogi_sv text = { (const char *)map.data, (size_t)map.size };
    og_status st = OG_OK;
    if (!text.n)
        st = ogi_fail(ctx, OG_E_FORMAT, __FILE__, __LINE__, "%s: is empty", path);
    else if (out->n > max || text.n > max - out->n)
        st = ogi_fail(ctx, OG_E_LIMIT, __FILE__, __LINE__,
                      "%s: %zu bytes make a message longer than %zu", path, text.n, max);
    else
        st = check_text(ctx, path, text);
    if (st == OG_OK) {
        if (ogi_sv_starts(text, OGI_SV("\xef\xbb\xbf"))) text.p += 3, text.n -= 3; /* BOM */
        ogi_buf_add(out, text.p, text.n);
        if (out->n && out->p[out->n - 1] != '\n') ogi_buf_putc(out, '\n');
        if (out->failed) st = OG_E_MEMORY;
    }
    ogi_file_map_close(&map);
    return st;
}
