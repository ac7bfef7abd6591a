/* SPDX-License-Identifier: MIT
 *
 * Which template a model is talked to with: those in its file (tokenizer.chat_template and
 * tokenizer.chat_template.NAME), the built-in ones, or a file. */
#ifndef OG_TEXT_CHAT_MODEL_H
#define OG_TEXT_CHAT_MODEL_H

#include "formats/gguf.h"
#include "oxigraph/template.h"
#include "text/chat/reasoning.h"
#include "text/chat/toolcall.h"

/* model may be NULL. choice: a name of a template in the model ("default" is
 * tokenizer.chat_template), a built-in name, or the path of a file; NULL = the model's own:
 * NAME "tool_use" if there is one and with_tools, else tokenizer.chat_template, else the built-in
 * chatml, told through the log. *name is what it was, "tokenizer.chat_template" for example. */
og_status ogi_template_choose(og_ctx *ctx, const ogi_gguf *model, const char *choice,
                              bool with_tools, og_template **out, ogi_buf *name);

/* bos_token and eos_token of a model, appended; nothing if it has none. */
og_status ogi_template_special(og_ctx *ctx, const ogi_gguf *model, ogi_buf *bos, ogi_buf *eos);

/* Both of the above as a chat. */
og_status ogi_chat_open(og_ctx *ctx, const ogi_gguf *model, const char *choice, bool with_tools,
                        og_chat **out);

/* How the chat's model writes tool calls, as its template shows them; NULL if it does not. */
const ogi_toolcall_format *ogi_chat_toolcalls(const og_chat *chat);
/* How it writes reasoning, as the template's source tells; NULL if it does not. */
const ogi_reasoning *ogi_chat_reasoning(const og_chat *chat);

#endif
