/* SPDX-License-Identifier: MIT
 *
 * /read: files as part of a message. */
#ifndef OG_TOOLS_CHAT_READ_H
#define OG_TOOLS_CHAT_READ_H

#include "base/buf.h"

/* Appends the file's text to out, with a newline at its end. Whatever is not text (UTF-8 without
 * NUL), is no regular file, or makes out longer than max bytes is refused, and out stays. */
og_status chat_read_file(og_ctx *ctx, const char *path, size_t max, ogi_buf *out);

#endif
