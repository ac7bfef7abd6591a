/* SPDX-License-Identifier: MIT
 *
 * What the parts of `oxigraph run` share: tools/cmd/run.c (options, one prompt), session.c (model,
 * tokens), answer.c (one answer), turn.c (answers and the calls in them), tools.c
 * (tools, programs), view.c (an answer on the screen), print.c (output), line.c
 * and edit.c (input), read.c (files), cache.c (--prompt-cache), history.c
 * (messages and their answers), loop.c (the conversation, its /commands). */
#ifndef OG_TOOLS_CHAT_CHAT_H
#define OG_TOOLS_CHAT_CHAT_H

#include <jansson.h>
#include <stdio.h>

#include "base/buf.h"
#include "oxigraph/answer.h"
#include "oxigraph/generate.h"
#include "oxigraph/template.h"
#include "tools/cmd/cli_grammar.h"
#include "tools/cmd/cli_model.h"
#include "tools/cmd/cli_sampler.h"

/* What becomes of reasoning. */
typedef enum run_think {
    RUN_THINK_DEFAULT, /* as the template has it; shown on a terminal */
    RUN_THINK_ON,      /* asked for; shown, on standard error when piped */
    RUN_THINK_OFF,     /* forbidden, and hidden if it comes all the same */
    RUN_THINK_HIDE,    /* as the template has it, and hidden */
} run_think;

typedef struct run_tool_options {
    const char *file, *choice;
    cli_list exec; /* NAME=CMD */
    bool yes;
    double seconds;
    int64_t bytes;
} run_tool_options;

typedef struct run_options {
    cli_model model;
    cli_sampler sampler;
    cli_grammar grammar;
    run_tool_options tool;
    const char *think;
    cli_list prompt, file; /* at most one in all, that or the argument */
    const char *system, *chat_template, *kwargs, *prompt_cache;
    int64_t n;        /* < 0: until the end */
    int64_t logprobs; /* < 0: none; else of so many alternatives */
    int64_t beams;    /* 0: the answer is sampled */
    double length_penalty;
    bool raw, no_echo, special, json, no_history, heal;
    bool no_stdin, is_chat, is_single_turn;
    cli_list stop;
} run_options;

/* What --prompt-cache's file has to do with what the sequence holds. */
typedef struct run_cache {
    bool is_told;   /* how much of it was reused */
    bool is_stale;  /* the sequence has changed since it was loaded or saved */
    double seconds; /* that the last saving took */
} run_cache;

/* Tools and the programs that run them. */
typedef struct run_tools {
    og_tools *list;     /* NULL: none, or not to be called */
    og_grammar *first;  /* what the first answer of a turn must match */
    og_grammar *others; /* and those behind calls; NULL: the same */
    struct run_program *program;
    int n_program;
} run_tools;

/* ---- session.c ------------------------------------------------------------------------------- */

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
    og_matcher *matcher; /* of the answer being given */
    og_chat *chat;       /* NULL: text is completed as it is */
    run_think think;
    run_tools tools;
    og_answer *parser;
    struct run_hearing *hearing; /* where the answer that is being given goes */
    og_tokens fed;               /* what the sequence holds */
    run_cache cache;
    og_tokens ids; /* what the next answer goes on from, from the beginning */
    char *healed;  /* --heal: what was cut off ids, n_healed bytes; the answer spells it anew */
    size_t n_healed;
    ogi_sv echo; /* printed when the prompt has been fed */
    int64_t n_predict;
    bool is_terminal;     /* standard output is one */
    bool is_first_answer; /* of its turn */
    bool is_chat;         /* not one prompt */
} run_session;

/* Start with run_answer_init. */
typedef struct run_answer {
    og_generate_result result;
    ogi_buf text, reasoning;
    json_t *calls;     /* [{id, name, arguments}], of the whole turn; those that ran: result */
    size_t first_call; /* of this answer */
    json_t *logprobs;  /* [{id, text, logprob, top}]; NULL: not asked for */
    og_tokens chosen;  /* the end token too */
    bool is_out_of_memory;
} run_answer;

/* -1 to go on, or an exit status: 1 with an error in ctx, 2 told. Close it in any case. */
int run_open(run_session *s, const char *path, const og_model_options *mo, bool wants_chat);
void run_close(run_session *s);
/* "on", "off", "hide". */
og_status run_set_think(run_session *s, const char *value);
/* What the template is asked for. */
og_think run_think_of(const run_session *s);
/* ids of messages (a JSON array) as the template writes them. */
og_status run_encode_messages(run_session *s, const json_t *messages);
og_status run_encode_text(run_session *s, const char *text, size_t n);
const char *run_why(const run_session *s, const og_generate_result *r);

/* Ctrl-C sets a flag instead of ending the program, until the handler in old is put back. */
struct sigaction;
void run_catch_interrupt(struct sigaction *old);
bool run_is_interrupted(void);

/* ---- answer.c -------------------------------------------------------------------------------- */

/* Tells what an answer consists of to s->hearing. */
og_status run_parser_new(run_session *s, og_answer **out);
og_status run_answer_init(og_ctx *ctx, run_answer *a);
/* Answers ids; what the sequence already holds of them is not fed again. The answer is kept, and
 * also printed as it comes. Ctrl-C ends it. */
og_status run_answer_ids(run_session *s, bool is_printed, run_answer *a);
void run_answer_free(og_ctx *ctx, run_answer *a);

/* ---- turn.c ---------------------------------------------------------------------------------- */

/* Answers messages and runs the calls of the answer, until one has no calls that can be run; all
 * of it is appended to messages. encode makes ids of them. a->result is that of the turn. */
og_status run_turn(run_session *s, json_t *messages, og_status (*encode)(void *user), void *user,
                   bool is_printed, run_answer *a);

/* ---- tools.c --------------------------------------------------------------------------------- */

void run_tool_options_list(run_tool_options *t, cli_options *to);
/* -1 to go on, or the exit status 2 (told). */
int run_tool_options_check(const run_options *o);
/* Reads --tools and binds --tool-exec, for s->chat. */
og_status run_tools_open(run_session *s);
/* Makes the grammars of calls, for s->view and s->think. */
og_status run_tools_constrain(run_session *s);
void run_tools_close(run_session *s);
/* Runs one of n_call calls of an answer, after asking; sets its result. */
og_status run_tools_call(run_session *s, json_t *call, size_t n_call);

/* ---- view.c ---------------------------------------------------------------------------------- */

/* An answer as it is shown: reasoning dim, text as it is, calls on lines of their own. */
typedef enum run_part {
    RUN_PART_NONE,
    RUN_PART_REASONING,
    RUN_PART_TEXT,
    RUN_PART_CALL,
} run_part;

typedef struct run_view {
    const run_session *s;
    bool is_shown;
    run_part part; /* shown last */
} run_view;

bool run_view_reasoning(run_view *v, const char *p, size_t n);
bool run_view_text(run_view *v, const char *p, size_t n);
void run_view_call(run_view *v, const og_tool_call *call);
void run_view_result(const run_session *s, const og_tool_result *r); /* on a terminal */
void run_view_end(run_view *v);                                      /* the end of the line */

/* ---- print.c --------------------------------------------------------------------------------- */

/* To standard output; on a terminal control characters are shown escaped. */
bool run_print(const run_session *s, const char *p, size_t n);
/* The same to any file; is_line: line ends are escaped too. */
bool run_print_to(FILE *f, bool is_line, const char *p, size_t n);
void run_print_statistics(const run_session *s, const og_generate_result *r);
/* One object on one line. */
og_status run_print_json(const run_session *s, const run_answer *a);
/* A JSON string; bytes that are not UTF-8 become U+FFFD. NULL: memory is out. */
json_t *run_json_text(og_ctx *ctx, const char *p, size_t n);
/* As short as it reads back equal; NULL: memory is out. Free with free(). */
char *run_json_dump(const json_t *j, size_t flags);
json_t *run_json_real(double x); /* with six decimals */
/* The answer as an assistant's message. NULL: memory is out. */
json_t *run_json_answer(og_ctx *ctx, const run_answer *a);
/* {"role": role, "content": text}; NULL: memory is out. */
json_t *run_json_message(og_ctx *ctx, const char *role, const char *p, size_t n);

/* ---- cache.c --------------------------------------------------------------------------------- */

/* Loads --prompt-cache's file into the sequence, if there is one that fits; else that is told. The
 * only error: the file is something else, which must not be overwritten. */
og_status run_cache_load(run_session *s);
/* n of the tokens of ids are kept; tells it, once. */
void run_cache_tell(run_session *s, int64_t n);
/* Saves what the sequence holds: so many of token; a failure is told. */
void run_cache_save(run_session *s, const og_tokens *token);

/* ---- loop.c ---------------------------------------------------------------------------------- */

/* The conversation, until /bye or the end of standard input; it begins with a message of the user's
 * unless that is empty. */
og_status chat_loop(run_session *s, const ogi_buf *first);

#endif
