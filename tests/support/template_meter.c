/* SPDX-License-Identifier: MIT
 *
 * An allocator that counts: every block carries its size in front, so that live bytes and the peak
 * are known at any time. */
#include "tests/support/template_meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each block begins with its size. */
enum { HEAD = 16 };

static void *meter_realloc(void *user, void *p, size_t size)
{
    ogt_meter *m = user;
    unsigned char *base = p ? (unsigned char *)p - HEAD : NULL;
    size_t before = 0;
    if (base) memcpy(&before, base, sizeof before);
    if (size == 0) {
        m->live -= (int64_t)before;
        free(base);
        return NULL;
    }
    if (++m->n_alloc == m->fail_at) return NULL;
    unsigned char *fresh = realloc(base, size + HEAD);
    if (!fresh) return NULL;
    memcpy(fresh, &size, sizeof size);
    m->live += (int64_t)size - (int64_t)before;
    if (m->live > m->peak) m->peak = m->live;
    return fresh + HEAD;
}

static void meter_log(void *user, og_log_level level, const char *line)
{
    ogt_meter *m = user;
    if (level < OG_LOG_WARN) return;
    m->n_log++;
    snprintf(m->log, sizeof m->log, "%s", line);
}

og_ctx *ogt_meter_ctx(ogt_meter *m)
{
    og_ctx *ctx = NULL;
    og_ctx_options opt = { .realloc = meter_realloc, .log = meter_log, .user = m };
    og_ctx_new(&opt, &ctx);
    return ctx;
}

og_status ogt_render_text(og_ctx *ctx, const char *source, size_t size, const char *context,
                          og_template_text *text)
{
    og_template *t;
    og_template_time now = { 2026, 3, 7, 9, 5, 4 };
    og_template_options opt = { .now = &now };
    *text = (og_template_text){ 0 };
    og_status status = og_template_parse(ctx, "t", source, size, &t);
    if (status != OG_OK) return status;
    status = og_template_render(ctx, t, context, strlen(context), &opt, text);
    og_template_free(t);
    return status;
}

char *ogt_render(const char *source, const char *context)
{
    og_ctx *ctx = NULL;
    og_template_text text;
    char *out = NULL;
    if (og_ctx_new(NULL, &ctx) != OG_OK) return NULL;
    if (ogt_render_text(ctx, source, strlen(source), context, &text) == OG_OK) {
        out = strdup(text.text);
        og_template_text_free(ctx, &text);
    } else {
        size_t n = strlen(og_error(ctx)) + 8;
        out = malloc(n);
        if (out) snprintf(out, n, "error: %s", og_error(ctx));
    }
    og_ctx_free(ctx);
    return out;
}

char *ogt_spans_text(const og_template_text *text, bool trusted)
{
    char *out = malloc(text->size + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < text->n_span; i++) {
        const og_template_span *s = &text->span[i];
        if (s->is_trusted != trusted) continue;
        memcpy(out + n, text->text + s->begin, s->end - s->begin);
        n += s->end - s->begin;
    }
    if (out) out[n] = 0;
    return out;
}
