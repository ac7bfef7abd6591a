/* SPDX-License-Identifier: MIT
 *
 * Templates in tests: rendering in one call, and a context that counts what is allocated. */
#ifndef OGT_TEMPLATE_METER_H
#define OGT_TEMPLATE_METER_H

#include "oxigraph/template.h"

/* What a context allocated and logged. */
typedef struct ogt_meter {
    int64_t live, peak;       /* bytes */
    int64_t n_alloc, fail_at; /* fail_at > 0: that allocation fails, counted from 1 */
    int n_log;
    char log[1024]; /* the last line */
} ogt_meter;

og_ctx *ogt_meter_ctx(ogt_meter *m);

/* The rendering of source, or "error: ..."; free with free(). */
char *ogt_render(const char *source, const char *context);
/* The same; *text is to be freed with og_template_text_free, on OG_OK. */
og_status ogt_render_text(og_ctx *ctx, const char *source, size_t size, const char *context,
                          og_template_text *text);

/* The bytes of the text whose trust is `trusted`; free with free(). */
char *ogt_spans_text(const og_template_text *text, bool trusted);

#endif
