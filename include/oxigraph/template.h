/* SPDX-License-Identifier: MIT
 *
 * Chat templates: Jinja, as models carry it, rendered in a sandbox.
 *
 *     og_template *t;
 *     og_template_text text;
 *     og_template_parse(ctx, "chat.jinja", source, strlen(source), &t);
 *     og_template_render(ctx, t, json, strlen(json), NULL, &text);
 *     ... text.text, text.span ...
 *     og_template_text_free(ctx, &text);
 *     og_template_free(t);
 *
 * The text comes with spans that tell what wrote it. Special tokens may be parsed only in trusted
 * spans: the words of the template itself, bos_token and eos_token, and roles with a usual name.
 * Everything else that came in through the context (messages, tools, documents) is plain text,
 * whatever it looks like. Text between special tokens is one piece for the tokenizer, however many
 * spans it has. */
#ifndef OXIGRAPH_TEMPLATE_H
#define OXIGRAPH_TEMPLATE_H

#include "oxigraph/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct og_template og_template;

/* Bytes begin..end of a rendered text. */
typedef struct og_template_span {
    size_t begin, end;
    bool is_trusted;
} og_template_span;

typedef struct og_template_text {
    char *text; /* valid UTF-8, NUL-terminated (it may also contain NUL) */
    size_t size;
    og_template_span *span; /* cover the text without gaps; neighbours differ in trust */
    size_t n_span;
    bool has_bos; /* it begins with bos_token: the tokenizer must not add another */
} og_template_text;

/* Local time that strftime_now() tells. */
typedef struct og_template_time {
    int year, month, day, hour, minute, second; /* month and day from 1 */
} og_template_time;

/* Limits of a rendering; zero means default. */
typedef struct og_template_options {
    int64_t max_steps;           /* default 10 million */
    int64_t max_memory;          /* bytes; default 64 MiB and 16 times the context */
    int64_t max_output;          /* bytes; default 16 MiB and twice the context */
    const og_template_time *now; /* default: the clock */
} og_template_options;

/* Compiles source, which is copied; name stands for it in errors ("NAME:LINE:COLUMN: ...").
 * Errors: OG_E_FORMAT (syntax), OG_E_LIMIT (too large or nested too deeply). The template is
 * immutable and may be rendered by several threads, each with its own context. */
OG_API og_status og_template_parse(og_ctx *ctx, const char *name, const char *source, size_t size,
                                   og_template **out);
OG_API void og_template_free(og_template *t);

/* Renders with a context given as a JSON object. Errors: OG_E_FORMAT (the template raised an
 * error, or context is not a JSON object), OG_E_LIMIT (a budget is used up). */
OG_API og_status og_template_render(og_ctx *ctx, const og_template *t, const char *context,
                                    size_t context_size, const og_template_options *opt,
                                    og_template_text *out);
OG_API void og_template_text_free(og_ctx *ctx, og_template_text *text);

/* "2026-03-07T09:05:04" (or a blank for the T; seconds may be missing). */
OG_API og_status og_template_time_parse(og_ctx *ctx, const char *text, og_template_time *out);

/* Appends the tokens of a rendered text: special tokens only from trusted spans; BOS in front if
 * the vocabulary wants one and the text does not begin with it; no EOS at the end. */
OG_API og_status og_template_encode(const og_tokenizer *t, og_ctx *ctx,
                                    const og_template_text *text, og_tokens *out);

/* ---- chats: a template and what it can take ---- */

typedef struct og_chat og_chat;

typedef struct og_chat_options {
    const char *name;      /* of the template, for errors */
    const char *bos_token; /* "" or NULL if the model has none */
    const char *eos_token;
} og_chat_options;

/* Takes over t (also on failure). Probes what the template can take: a system message, content as
 * text or as parts, arguments of tool calls as objects or as text. */
OG_API og_status og_chat_new(og_ctx *ctx, og_template *t, const og_chat_options *opt,
                             og_chat **out);
OG_API void og_chat_free(og_chat *chat);

/* What probing found. */
typedef struct og_chat_abilities {
    bool system_role;      /* a system message is shown */
    bool text_content;     /* content may be a string */
    bool part_content;     /* content may be a list of {"type": "text", "text": ...} */
    bool null_content;     /* content may be null beside tool calls */
    bool tools;            /* tools are shown */
    bool tool_calls;       /* calls of an assistant's message are shown */
    bool object_arguments; /* ... with arguments as an object */
    bool text_arguments;   /* ... with arguments as JSON text */
    bool reasoning;        /* the model may reason before it answers */
    bool think_switch;     /* reasoning can be asked for and forbidden */
} og_chat_abilities;
OG_API const og_chat_abilities *og_chat_abilities_of(const og_chat *chat);

/* Is the model asked to reason? By the variables that templates have for it; a template without
 * any leaves it to the model, which is told. */
typedef enum og_think {
    OG_THINK_DEFAULT, /* as the template has it */
    OG_THINK_ON,
    OG_THINK_OFF,
} og_think;

/* JSON texts; NULL = not given. Reasoning of former answers is their messages' reasoning_content;
 * what is shown of it is up to the template. */
typedef struct og_chat_request {
    const char *messages; /* array; required */
    const char *tools;    /* array */
    const char *kwargs;   /* object of further variables; they win over all but messages, tools */
    og_think think;
    bool no_generation_prompt;
    og_template_options limits;
} og_chat_request;

/* Renders messages after adapting them to what the template can take. Each kind of adaptation is
 * told once, as a warning through the log of ctx. Errors as og_template_render. */
OG_API og_status og_chat_render(og_ctx *ctx, og_chat *chat, const og_chat_request *req,
                                og_template_text *out);

#ifdef __cplusplus
}
#endif
#endif
