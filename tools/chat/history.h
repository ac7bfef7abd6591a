/* SPDX-License-Identifier: MIT
 *
 * A conversation: messages, and answers to them. */
#ifndef OG_TOOLS_CHAT_HISTORY_H
#define OG_TOOLS_CHAT_HISTORY_H

#include "tools/chat/chat.h"

typedef struct chat_history {
    run_session *s;
    json_t *message;   /* as the template takes them, but for the system prompt; a user's first */
    ogi_buf system;    /* "": none */
    size_t n_dropped;  /* messages in front that the model does not see any more */
    run_answer answer; /* the last one */
    int64_t n_answer, n_token, n_read; /* of all answers */
    double seconds;
} chat_history;

og_status chat_history_new(run_session *s, chat_history *h);
void chat_history_free(chat_history *h);
void chat_history_clear(chat_history *h);
og_status chat_history_system(chat_history *h, const char *text, size_t n);
size_t chat_history_size(const chat_history *h);
/* A user's message and its answer; if that fails, the message is taken back. */
og_status chat_history_say(chat_history *h, const char *text, size_t n);
/* Takes the last message and its answer back; with_question false: the answer alone, and answers
 * again. false: there is none. */
bool chat_history_undo(chat_history *h);
og_status chat_history_again(chat_history *h);
void chat_history_show(const chat_history *h);
/* Is something there that is no saved chat? */
bool chat_history_is_other(og_ctx *ctx, const char *path);
/* {"system": text, "messages": [...]}, mode 0600, whole or not at all. */
og_status chat_history_save(const chat_history *h, const char *path);
/* On failure the conversation stays as it was. */
og_status chat_history_load(chat_history *h, const char *path);

#endif
