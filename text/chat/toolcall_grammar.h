/* SPDX-License-Identifier: MIT
 *
 * Tool calls as a constraint: text is free until a call opens, its name and arguments are those
 * that the tools allow, behind its end text is free again. */
#ifndef OG_TEXT_CHAT_TOOLCALL_GRAMMAR_H
#define OG_TEXT_CHAT_TOOLCALL_GRAMMAR_H

#include "oxigraph/grammar.h"
#include "text/chat/toolcall.h"

typedef enum ogi_toolcall_choice_kind {
    OGI_TOOLCALL_AUTO,     /* calls may come */
    OGI_TOOLCALL_REQUIRED, /* the answer is a call first, then as AUTO */
    OGI_TOOLCALL_NAMED,    /* the same, and all calls are of one tool */
} ogi_toolcall_choice_kind;

typedef struct ogi_toolcall_choice {
    ogi_toolcall_choice_kind kind;
    const char *name; /* NAMED */
    /* Marks around reasoning, NULL: none. The answer may begin with such a block, in which
     * everything is allowed but the end. An answer that begins inside one wants og_matcher_wait. */
    const char *think_open, *think_close;
} ogi_toolcall_choice;

/* tools: JSON array of tools, as {"type": "function", "function": {...}} or the functions alone.
 * Control tokens of the vocabulary are the marks they spell: masks allow those alone where a mark
 * must come, texts hold their pieces. vocab may be NULL. Where the closing mark ends generation,
 * the text may end before it.
 * With AUTO a tool whose schema cannot be enforced is told in the log and takes any arguments.
 * Errors: OG_E_FORMAT for what are no tools; OG_E_UNSUPPORTED for schemas that cannot be enforced,
 * with tool, parameter and keyword, and for names that the format cannot write; OG_E_LIMIT. */
og_status ogi_toolcall_grammar(og_ctx *ctx, const ogi_toolcall_format *f, const char *tools,
                               const ogi_toolcall_choice *choice, const og_vocab_view *vocab,
                               og_grammar **out);

#endif
