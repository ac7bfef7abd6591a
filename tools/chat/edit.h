/* SPDX-License-Identifier: MIT
 *
 * Editing a line on a terminal with libedit: history, pastes of several lines, Ctrl-C, window
 * sizes. While no line is edited, what is typed is neither shown nor interpreted, but kept for the
 * next line: Ctrl-D typed during an answer ends the chat at the prompt. */
#ifndef OG_TOOLS_CHAT_EDIT_H
#define OG_TOOLS_CHAT_EDIT_H

#include "tools/chat/line.h"

typedef struct chat_edit chat_edit;

/* commands: what Tab completes behind /, NULL-terminated.
 * history: the file that lines are kept in, NULL: none. OG_E_UNSUPPORTED: built without libedit. */
og_status chat_edit_new(og_ctx *ctx, const char *history, const char *const *commands,
                        chat_edit **out);
void chat_edit_free(chat_edit *e);
/* Appends a line to out; it holds newlines where such a text was pasted. prompt: borrowed. */
og_status chat_edit_line(chat_edit *e, const char *prompt, ogi_buf *out, chat_got *got);

#endif
