/* SPDX-License-Identifier: MIT
 *
 * general.sampling.* keys to options, through the same reader that options of a command line go
 * through. */
#include "text/sampler/gguf.h"

#include <stdio.h>

/* Keys whose name in files is not that of the option. */
static const char *file_key(const char *option)
{
    return strcmp(option, "samplers") ? option : "sequence";
}

/* Sets an option; the error of a value that does not fit names the file. */
static og_status set(og_ctx *ctx, const ogi_gguf *f, og_sampler_config *c, const char *option,
                     const char *text)
{
    og_status s = og_sampler_config_set(ctx, c, option, text);
    if (s == OG_OK || s == OG_E_MEMORY) return s;
    og_error_clear(ctx);
    OG_FAIL(ctx, OG_E_FORMAT, "%s: general.sampling.%s: '%.100s' is no value for it",
            ogi_gguf_path(f), file_key(option), text);
}

static og_status read_number(og_ctx *ctx, const ogi_gguf *f, const char *option,
                             og_sampler_config *c)
{
    char key[96], text[64];
    snprintf(key, sizeof key, "general.sampling.%s", file_key(option));
    const ogi_gguf_kv *kv = ogi_gguf_find(f, key);
    if (!kv) return OG_OK;
    double v = 0.0;
    if (kv->type == OGI_GGUF_BOOL) {
        bool b = false;
        OG_TRY(ogi_gguf_bool(f, key, &b));
        v = b;
    } else {
        OG_TRY(ogi_gguf_float(f, key, &v));
    }
    snprintf(text, sizeof text, "%.17g", v);
    return set(ctx, f, c, option, text);
}

og_status ogi_sampler_config_gguf(og_ctx *ctx, const ogi_gguf *f, og_sampler_config *c)
{
#define F(name, type, def, doc) OG_TRY(read_number(ctx, f, #name, c));
    OG_SAMPLER_FIELDS(F)
#undef F
    ogi_sv list = { 0 };
    OG_TRY(ogi_gguf_str(f, "general.sampling.sequence", &list));
    if (!list.n) return OG_OK;
    char *text = ogi_strndup(ctx, list.p, list.n);
    if (!text) return OG_E_MEMORY;
    og_status s = set(ctx, f, c, "samplers", text);
    ogi_free(ctx, text);
    return s;
}
