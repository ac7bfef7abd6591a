/* SPDX-License-Identifier: MIT
 *
 * Calls as a model wrote them, for templates that do not show them. */
#ifndef OG_TEXT_CHAT_TOOLCALL_WRITE_H
#define OG_TEXT_CHAT_TOOLCALL_WRITE_H

#include "text/chat/toolcall.h"
#include "text/value/value.h"

/* Content, a string, with the message's calls (a list) behind it. The marks are trusted, what the
 * calls hold is as trusted as it was. */
tmpl_val ogi_toolcall_write(tmpl_heap *h, const ogi_toolcall_format *f, tmpl_val content,
                            tmpl_val calls);

#endif
