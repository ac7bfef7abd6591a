/* SPDX-License-Identifier: MIT
 *
 * What the user of a chat types: lines, edited on a terminal (libedit), plain when piped. */
#ifndef OG_TOOLS_CHAT_LINE_H
#define OG_TOOLS_CHAT_LINE_H

#include "base/buf.h"

typedef struct chat_line chat_line;

/* CHAT_BLOCK: a message of several lines, never a command. */
typedef enum chat_got { CHAT_TEXT, CHAT_BLOCK, CHAT_INTERRUPT, CHAT_END } chat_got;

og_status chat_line_new(og_ctx *ctx, chat_line **out);
void chat_line_free(chat_line *l);
bool chat_line_is_terminal(const chat_line *l);
/* A message: one line, or the lines between """ and """. Ctrl-C gives up what was typed.
 * OG_E_LIMIT beyond 16 MiB. */
og_status chat_line_read(chat_line *l, ogi_buf *out, chat_got *got);

#endif
