/* SPDX-License-Identifier: MIT
 *
 * What was typed in chats, kept in $XDG_STATE_HOME/oxigraph/history (~/.local/state by default): a
 * JSON string on each line, the newest last. Any number of chats may add to it at once. */
#ifndef OG_TOOLS_CHAT_LINE_HISTORY_H
#define OG_TOOLS_CHAT_LINE_HISTORY_H

#include "base/buf.h"

enum {
    LINE_HISTORY_MAX = 1000,
    LINE_HISTORY_ENTRY = 1 << 16 /* bytes; longer ones are not kept */
};

/* The file's path to out; false: the environment names no place for it. */
bool line_history_path(ogi_buf *out);
/* Gives each entry, oldest first. No file: none. */
og_status line_history_load(og_ctx *ctx, const char *path, void (*each)(void *user, const char *),
                            void *user);
/* Adds an entry; the oldest beyond LINE_HISTORY_MAX go. The file is private (0600) and never
 * half written; nobody else's entries are lost. */
og_status line_history_add(og_ctx *ctx, const char *path, const char *entry, size_t n);

#endif
