/* SPDX-License-Identifier: MIT
 *
 * The inside of a call as an expression. */
#ifndef OG_TEXT_CHAT_TOOLCALL_GRAMMAR_BODY_H
#define OG_TEXT_CHAT_TOOLCALL_GRAMMAR_BODY_H

#include "text/chat/toolcall_body.h"
#include "text/schema/schema.h"

typedef struct ogi_tool {
    const char *name;
    json_t *parameters; /* NULL: none */
} ogi_tool;

/* What may stand before the opening mark where the answer begins. */
og_status ogi_toolcall_lead(ogi_schema *s, const ogi_toolcall_format *f, ogi_expr **out);
/* What stands between the opening and the closing mark where any of the tools is called. */
og_status ogi_toolcall_inside(ogi_schema *s, const ogi_toolcall_format *f, const ogi_tool *tool,
                              int n_tool, ogi_expr **out);

#endif
