/* SPDX-License-Identifier: MIT
 *
 * Tool calls in what a model writes: found while the text streams, given as a name and arguments in
 * JSON. How a model writes calls is told from what its chat template renders of one. The text fed
 * in must contain the model's special tokens as text, since most formats are marked by them. */
#ifndef OG_TEXT_TOOLCALL_H
#define OG_TEXT_TOOLCALL_H

#include "base/buf.h"

typedef struct ogi_toolcall_format ogi_toolcall_format;

/* The format in which rendered, a chat with a call of a tool `name`, shows the call; NULL if none
 * that is known. */
const ogi_toolcall_format *ogi_toolcall_detect(ogi_sv rendered, ogi_sv name);
/* A format by name ("hermes", "mistral" ...), NULL if unknown; and the i-th, NULL at the end. */
const ogi_toolcall_format *ogi_toolcall_format_find(const char *name);
const ogi_toolcall_format *ogi_toolcall_format_at(int i);
const char *ogi_toolcall_format_name(const ogi_toolcall_format *f);

typedef struct ogi_toolcall {
    ogi_sv name;
    ogi_sv arguments; /* text of a JSON object */
    ogi_sv id;        /* empty if the model gave none */
} ogi_toolcall;

/* Called while text is fed; what they are given lives until they return. */
typedef struct ogi_toolcall_sink {
    void *user;
    og_status (*text)(void *user, ogi_sv text); /* text outside calls */
    og_status (*call)(void *user, const ogi_toolcall *call);
} ogi_toolcall_sink;

typedef struct ogi_toolcall_parser ogi_toolcall_parser;

/* tools: JSON array of tools (their parameters' types decide what untyped text means), or NULL. */
og_status ogi_toolcall_new(og_ctx *ctx, const ogi_toolcall_format *format, const char *tools,
                           ogi_toolcall_sink sink, ogi_toolcall_parser **out);
/* Text that may be the beginning of a call is held back. A call that is malformed comes out as
 * text. Errors: those of the sink, OG_E_MEMORY, OG_E_LIMIT (a call of more than 16 MiB). */
og_status ogi_toolcall_feed(ogi_toolcall_parser *p, ogi_sv text);
/* The text has ended: what was held back comes out. */
og_status ogi_toolcall_finish(ogi_toolcall_parser *p);
/* Is a call open, so that its name and arguments are being written? */
bool ogi_toolcall_is_open(const ogi_toolcall_parser *p);
void ogi_toolcall_free(ogi_toolcall_parser *p);

#endif
