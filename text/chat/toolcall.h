/* SPDX-License-Identifier: MIT
 *
 * How models write tool calls: told from what the chat template renders of one. Calls are found in
 * an answer by answer_split.h. */
#ifndef OG_TEXT_CHAT_TOOLCALL_H
#define OG_TEXT_CHAT_TOOLCALL_H

#include "base/buf.h"

typedef struct ogi_toolcall_format ogi_toolcall_format;

/* The format in which rendered, a chat with a call of a tool `name`, shows the call; NULL if none
 * that is known. */
const ogi_toolcall_format *ogi_toolcall_detect(ogi_sv rendered, ogi_sv name);
/* The same where calls are not shown: told from how tools are listed. */
const ogi_toolcall_format *ogi_toolcall_detect_listing(ogi_sv rendered);
/* A format by name ("hermes", "mistral" ...), NULL if unknown; and the i-th, NULL at the end. */
const ogi_toolcall_format *ogi_toolcall_format_find(const char *name);
const ogi_toolcall_format *ogi_toolcall_format_at(int i);
const char *ogi_toolcall_format_name(const ogi_toolcall_format *f);

#endif
