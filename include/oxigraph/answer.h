/* SPDX-License-Identifier: MIT
 *
 * What a model answers, taken apart while it streams: reasoning, text and tool calls; and tools,
 * functions that calls run.
 *
 *     og_answer *a;
 *     og_answer_sink sink = { .user = me, .text = on_text, .call = on_call };
 *     og_chat_render(ctx, chat, &request, &prompt);
 *     og_answer_new(ctx, chat, request.tools, &sink, &a);
 *     og_answer_begin(a, &prompt);
 *     og_generate(model, seq, tokenizer, sampler, &(og_generate_options){ .answer = a, ... }, &r);
 *     ... what on_call was given: og_tools_call(), the result as a message of role "tool" ...
 *
 * How a model marks reasoning and calls is told from its chat template. */
#ifndef OXIGRAPH_ANSWER_H
#define OXIGRAPH_ANSWER_H

#include "oxigraph/grammar.h"
#include "oxigraph/template.h"

#ifdef __cplusplus
extern "C" {
#endif

/* NUL-terminated; lives until the callback returns. */
typedef struct og_tool_call {
    const char *name;
    const char *arguments; /* text of a JSON object */
    const char *id;        /* the model's, or one made up: nine letters and digits */
} og_tool_call;

/* Any may be NULL. Text comes on character boundaries. false ends the answer. */
typedef struct og_answer_sink {
    void *user;
    bool (*text)(void *user, const char *p, size_t n);
    bool (*reasoning)(void *user, const char *p, size_t n);
    bool (*call)(void *user, const og_tool_call *call);
} og_answer_sink;

typedef struct og_answer og_answer;

/* chat: whose model answers; NULL: nothing but text is expected. tools: what it was told of (JSON
 * array, as in og_chat_request); NULL: what looks like a call is text (but where
 * the prompt opens one). Both are copied. */
OG_API og_status og_answer_new(og_ctx *ctx, const og_chat *chat, const char *tools,
                               const og_answer_sink *sink, og_answer **out);
OG_API void og_answer_free(og_answer *a);

/* A new answer, to this prompt: it may end inside reasoning. NULL: it does not. */
OG_API void og_answer_begin(og_answer *a, const og_template_text *prompt);
/* Texts that end the answer and are no part of it; borrowed. They count in the text alone, not in
 * reasoning or calls. */
OG_API void og_answer_set_stop(og_answer *a, const char *const *stop, int n);

/* What the model wrote. Control tokens go in as their text, with is_control: those that mark
 * nothing are dropped. Blanks around reasoning and in front of calls are dropped. Errors:
 * OG_E_MEMORY, OG_E_LIMIT (a call of more than 16 MiB). */
OG_API og_status og_answer_feed(og_answer *a, const char *p, size_t n, bool is_control);
/* The model has ended: what was held back comes out. */
OG_API og_status og_answer_finish(og_answer *a);
/* Has a stop text come up (*stop is which), or a callback said false (*stop is -1)? Nothing comes
 * out after that. */
OG_API bool og_answer_is_over(const og_answer *a, int *stop);
OG_API bool og_answer_in_reasoning(const og_answer *a);
/* Is it known how chat's model writes tool calls? */
OG_API bool og_chat_has_tool_calls(const og_chat *chat);
/* The mark behind which an answer's text begins ("</think>"), NULL if chat's model has none. */
OG_API const char *og_chat_reasoning_end(const og_chat *chat);

/* ---- tools: functions that calls run ---- */

typedef struct og_tools og_tools;

/* What a tool says to the model. */
typedef struct og_tool_result {
    og_ctx *ctx;
    char *text; /* NUL-terminated; may hold NUL too */
    size_t n;
    bool is_error;
} og_tool_result;

/* Runs a call and sets its result (none set: empty text). What the model should know of goes into
 * the result as an error; a status other than OG_OK is for the caller of og_tools_call. */
typedef og_status (*og_tool_fn)(void *user, const og_tool_call *call, og_tool_result *out);

/* json: array of tools, {"type": "function", "function": {"name": ..., "description": ...,
 * "parameters": schema}}, or of such functions alone; name stands for it in errors. Errors:
 * OG_E_FORMAT with the index of the tool. */
OG_API og_status og_tools_new(og_ctx *ctx, const char *name, const char *json, size_t n,
                              og_tools **out);
OG_API void og_tools_free(og_tools *t);
/* The array in its long form, as og_chat_request and og_answer_new take it; borrowed. */
OG_API const char *og_tools_json(const og_tools *t);
/* Lets fn run a tool's calls. OG_E_NOT_FOUND names the tools there are. */
OG_API og_status og_tools_bind(og_tools *t, const char *tool, og_tool_fn fn, void *user);
/* false if t is NULL. */
OG_API bool og_tools_is_bound(const og_tools *t, const char *tool);
/* Runs a call. A tool that is unknown or not bound, arguments that are no object or lack what is
 * required: results that are errors. *out is freed with og_tool_result_free, also on failure. */
OG_API og_status og_tools_call(const og_tools *t, og_ctx *ctx, const og_tool_call *call,
                               og_tool_result *out);
/* What an answer that may call tools must match: once a call opens, its name and arguments are such
 * as the tools allow. choice: NULL or "auto": it may call; "required": it must; else the name of a
 * tool: it must call that and no other. It may reason first, unless think is OG_THINK_OFF; one that
 * begins inside reasoning wants og_matcher_await with og_chat_reasoning_end. vocab as for
 * og_grammar_gbnf. Under "auto" a tool whose schema cannot be enforced is told in the log and takes
 * any arguments. Errors: OG_E_UNSUPPORTED (calls of chat's model are not known, or a schema that
 * cannot be enforced: which tool, where). */
OG_API og_status og_tool_grammar(og_ctx *ctx, const og_chat *chat, const char *tools,
                                 const char *choice, og_think think, const og_vocab_view *vocab,
                                 og_grammar **out);
/* Copies text; replaces what was set. */
OG_API og_status og_tool_result_set(og_tool_result *r, const char *text, size_t n, bool is_error);
OG_API void og_tool_result_free(og_tool_result *r);

#ifdef __cplusplus
}
#endif
#endif
