/* SPDX-License-Identifier: MIT
 *
 * What the parts of `oxigraph run` share: cmd_run.c (options, one prompt), chat_session.c (model,
 * tokens, answers), chat_print.c (output), chat_line.c (input), chat_history.c (messages and their
 * answers), chat_loop.c (the conversation and its /commands). */
#ifndef OG_TOOLS_CHAT_H
#define OG_TOOLS_CHAT_H

#include <jansson.h>

#include "base/buf.h"
#include "oxigraph/generate.h"
#include "oxigraph/template.h"
#include "tools/cli_grammar.h"
#include "tools/cli_model.h"
#include "tools/cli_sampler.h"

typedef struct run_options {
    cli_model model;
    cli_sampler sampler;
    cli_grammar grammar;
    const char *prompt, *file, *system, *chat_template, *kwargs, *prompt_cache;
    int64_t n; /* < 0: until the end */
    bool raw, no_echo, special, json;
    cli_list stop;
} run_options;

/* What --prompt-cache's file has to do with what the sequence holds. */
typedef struct run_cache {
    bool is_told;   /* how much of it was reused */
    bool is_stale;  /* the sequence has changed since it was loaded or saved */
    double seconds; /* that the last saving took */
} run_cache;

/* ---- chat_session.c ------------------------------------------------------------------------ */

/* A loaded model with its one sequence. */
typedef struct run_session {
    og_ctx *ctx;
    const run_options *opt;
    og_model *model;
    og_sequence *seq;
    og_tokenizer *tok;
    og_vocab_view *view;
    og_sampler_config config;
    og_sampler *sampler;
    og_grammar *grammar; /* NULL: no constraint */
    og_matcher *matcher;
    og_chat *chat; /* NULL: text is completed as it is */
    og_tokens fed; /* what the sequence holds */
    run_cache cache;
    og_tokens ids; /* what the next answer goes on from, from the beginning */
    int64_t n_predict;
    bool is_terminal; /* standard output is one */
    bool is_chat;     /* not one prompt */
} run_session;

typedef struct run_answer {
    og_generate_result result;
    ogi_buf text;
    og_tokens chosen; /* the end token too */
} run_answer;

/* -1 to go on, or an exit status: 1 with an error in ctx, 2 told. Close it in any case. */
int run_open(run_session *s, const char *path, const og_model_options *mo, bool wants_chat);
void run_close(run_session *s);
/* ids of messages (a JSON array) as the template writes them. */
og_status run_encode_messages(run_session *s, const json_t *messages);
og_status run_encode_text(run_session *s, const char *text, size_t n);
/* Answers ids; what the sequence already holds of them is not fed again. The text is kept, and
 * also printed as it comes. Ctrl-C ends the answer. Start with a zeroed one with text.ctx. */
og_status run_answer_ids(run_session *s, bool is_printed, run_answer *a);
void run_answer_free(og_ctx *ctx, run_answer *a);
const char *run_why(const run_session *s, const og_generate_result *r);

/* Ctrl-C sets a flag instead of ending the program, until the handler in old is put back. */
struct sigaction;
void run_catch_interrupt(struct sigaction *old);
bool run_is_interrupted(void);

/* ---- chat_print.c -------------------------------------------------------------------------- */

/* To standard output; on a terminal control characters are shown escaped. */
bool run_print(const run_session *s, const char *p, size_t n);
void run_print_statistics(const run_session *s, const og_generate_result *r);
/* One object on one line. */
og_status run_print_json(const run_session *s, const run_answer *a);
/* A JSON string; bytes that are not UTF-8 become U+FFFD. NULL: memory is out. */
json_t *run_json_text(og_ctx *ctx, const char *p, size_t n);
/* {"role": role, "content": text}; NULL: memory is out. */
json_t *run_json_message(og_ctx *ctx, const char *role, const char *p, size_t n);

/* ---- chat_cache.c -------------------------------------------------------------------------- */

/* Loads --prompt-cache's file into the sequence, if there is one that fits; else that is told. The
 * only error: the file is something else, which must not be overwritten. */
og_status run_cache_load(run_session *s);
/* n of the tokens of ids are kept; tells it, once. */
void run_cache_tell(run_session *s, int64_t n);
/* Saves what the sequence holds: so many of token; a failure is told. */
void run_cache_save(run_session *s, const og_tokens *token);

/* ---- chat_loop.c --------------------------------------------------------------------------- */

/* The conversation, until /bye or the end of standard input. */
og_status chat_loop(run_session *s);

#endif
