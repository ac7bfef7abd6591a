/* SPDX-License-Identifier: MIT
 *
 * What the user of a chat types: lines, edited on a terminal (libedit), plain when piped. */
#ifndef OG_TOOLS_CHAT_LINE_H
#define OG_TOOLS_CHAT_LINE_H

#include "base/buf.h"

typedef struct chat_line chat_line;

enum { CHAT_MAX_MESSAGE = 16 << 20 /* bytes */ };

/* CHAT_BLOCK: a message of several lines, never a command. */
typedef enum chat_got { CHAT_TEXT, CHAT_BLOCK, CHAT_INTERRUPT, CHAT_END } chat_got;

/* has_history: lines edited are kept for later chats. commands: NULL-terminated, see edit.h. */
og_status chat_line_new(og_ctx *ctx, bool has_history, const char *const *commands,
                        chat_line **out);
void chat_line_free(chat_line *l);
bool chat_line_is_terminal(const chat_line *l);
/* A message: one line, lines that end in a backslash and the one behind them, the lines between
 * """ and """, or lines that were pasted. Ctrl-C gives up
 * what was typed. OG_E_LIMIT beyond 16 MiB. */
og_status chat_line_read(chat_line *l, ogi_buf *out, chat_got *got);

#endif
