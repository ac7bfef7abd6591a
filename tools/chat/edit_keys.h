/* SPDX-License-Identifier: MIT
 *
 * Keys that libedit lacks or has too small: Up and Down move by line inside a draft and through the
 * history at its ends, Home and End stay on the line, Tab completes. The draft is kept here:
 * libedit keeps 1024 characters of it. */
#ifndef OG_TOOLS_CHAT_EDIT_KEYS_H
#define OG_TOOLS_CHAT_EDIT_KEYS_H

#include <histedit.h>

#include "base/buf.h"

typedef struct edit_keys {
    og_ctx *ctx;
    EditLine *edit;
    History *past;
    int at;                      /* the entry of the history that is shown; 0: the draft */
    wchar_t *draft;              /* what was typed before the history was shown */
    int64_t n_draft, draft_cap;  /* in characters, without the NUL behind them */
    const char *const *commands; /* NULL-terminated, each may hold names separated by | */
} edit_keys;

/* Binds the keys; k must live as long as the editor. */
void edit_keys_bind(edit_keys *k);
/* A new line begins. */
void edit_keys_begin(edit_keys *k);
void edit_keys_free(edit_keys *k);

/* Of an editor: chat_edit.c owns the editor's client data. */
edit_keys *edit_keys_of(EditLine *edit);

#endif
