/* SPDX-License-Identifier: MIT
 *
 * An answer taken apart while it streams: reasoning, text, and tool calls as a name and arguments
 * in JSON. Most marks are control tokens: their text is fed in as such, and what is no part of a
 * mark or a call is dropped. */
#ifndef OG_TEXT_CHAT_ANSWER_SPLIT_H
#define OG_TEXT_CHAT_ANSWER_SPLIT_H

#include "text/chat/reasoning.h"
#include "text/chat/toolcall.h"

typedef struct ogi_toolcall {
    ogi_sv name;
    ogi_sv arguments; /* text of a JSON object */
    ogi_sv id;        /* empty if the model gave none */
} ogi_toolcall;

/* Called while text is fed; what they are given lives until they return. */
typedef struct ogi_answer_split_sink {
    void *user;
    og_status (*text)(void *user, ogi_sv text); /* outside reasoning and calls */
    og_status (*reasoning)(void *user, ogi_sv text);
    og_status (*call)(void *user, const ogi_toolcall *call);
} ogi_answer_split_sink;

typedef struct ogi_answer_split ogi_answer_split;

/* calls, reasoning: the formats to look for, or NULL. tools: JSON array of tools (their parameters'
 * types decide what untyped text means), or NULL. */
og_status ogi_answer_split_new(og_ctx *ctx, const ogi_toolcall_format *calls,
                               const ogi_reasoning *reasoning, const char *tools,
                               ogi_answer_split_sink sink, ogi_answer_split **out);
void ogi_answer_split_free(ogi_answer_split *p);
/* A new answer, which may begin inside reasoning. */
void ogi_answer_split_begin(ogi_answer_split *p, bool in_reasoning);
/* Text that may be the beginning of a mark is held back. A call that is malformed comes out as
 * text. Errors: those of the sink, OG_E_MEMORY, OG_E_LIMIT (a call of more than 16 MiB). */
og_status ogi_answer_split_feed(ogi_answer_split *p, ogi_sv text, bool is_control);
/* The answer has ended: what was held back comes out. */
og_status ogi_answer_split_finish(ogi_answer_split *p);
/* Is a call open, so that its name and arguments are being written? */
bool ogi_answer_split_in_call(const ogi_answer_split *p);
bool ogi_answer_split_in_reasoning(const ogi_answer_split *p);

#endif
