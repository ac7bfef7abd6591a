/* SPDX-License-Identifier: MIT
 *
 * One rendering in steps, for callers that make the context from values (text/chat/chat.c): open,
 * build a context in r->h, exec, close. */
#ifndef OG_TEXT_TEMPLATE_RUN_H
#define OG_TEXT_TEMPLATE_RUN_H

#include "oxigraph/template.h"
#include "text/template/eval.h"

struct og_template {
    tmpl_heap h; /* owns everything below */
    tmpl_node *root;
};

/* input_size, the bytes of the context, widens the default budgets. */
void ogi_template_open(og_ctx *ctx, const og_template *t, const og_template_options *opt,
                       size_t input_size, tmpl_run *r);
/* Runs t with the context, a TV_DICT; *out is filled unless that fails (see r->h.status). */
void ogi_template_exec(og_ctx *ctx, const og_template *t, tmpl_run *r, tmpl_val context,
                       size_t max_output, og_template_text *out);
size_t ogi_template_output_limit(const og_template_options *opt, size_t input_size);
/* Frees what the run holds; raises its error, if there is one, in ctx when raise is set. */
og_status ogi_template_close(og_ctx *ctx, tmpl_run *r, bool raise);

/* Roles with a usual name count as written by the template: `'<|' + role + '|>'` is one token. */
void ogi_template_trust_roles(tmpl_run *r, tmpl_val messages);

#endif
