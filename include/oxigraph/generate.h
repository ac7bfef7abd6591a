/* SPDX-License-Identifier: MIT
 *
 * Generating text: the loop of feed, sample, detokenize, with its ways to end. */
#ifndef OXIGRAPH_GENERATE_H
#define OXIGRAPH_GENERATE_H

#include "oxigraph/answer.h"
#include "oxigraph/grammar.h"
#include "oxigraph/model.h"
#include "oxigraph/sampler.h"
#include "oxigraph/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum og_stop {
    OG_STOP_EOG,       /* the model chose an end-of-generation token */
    OG_STOP_LENGTH,    /* max_tokens were generated */
    OG_STOP_TEXT,      /* a stop string came up */
    OG_STOP_CONTEXT,   /* the sequence's context is full */
    OG_STOP_CANCELLED, /* a callback said so */
} og_stop;

/* Zero means default. */
typedef struct og_generate_options {
    const int32_t *prompt; /* tokens to feed first; at least one if the sequence is empty */
    int64_t n_prompt;
    int64_t max_tokens;      /* 0: until something else ends it */
    const char *const *stop; /* texts that end it; no part of them is given out */
    int n_stop;
    bool show_special; /* control tokens are text too */
    /* What the first tokens must spell, of n_prefix bytes: cut off the prompt by og_tokenizer_heal.
     * It is no part of the answer: text, stop strings and the matcher begin behind it. */
    const char *prefix;
    size_t n_prefix;
    /* What the answer must match, for the model's vocabulary; NULL: anything. Its position moves
     * with the answer; the prompt is not part of it. */
    og_matcher *matcher;
    /* Where the tokens chosen are appended, the end token too, in the model's context; or NULL. */
    og_tokens *chosen;
    /* Receives text on character boundaries; false ends. */
    bool (*text)(void *user, const char *bytes, size_t n);
    /* Takes the answer apart: its sink gets what comes, instead of text. Begun by the caller,
     * finished here; the stop texts above become its own. */
    og_answer *answer;
    /* Receives each token chosen, the end token too, with its log-probability and those of the
     * n_top likeliest, falling: all as the model said, before grammar and sampler. false ends. */
    bool (*chose)(void *user, int32_t token, float logprob, const og_candidate *top, int32_t n_top);
    int32_t n_top;
    /* Told how many of the prompt's tokens have been fed, every 512 of them and at the end. */
    void (*fed)(void *user, int64_t n);
    /* Called when the sequence holds all of the prompt but its last token; a failure ends. */
    og_status (*before_last)(void *user);
    /* The answer's tokens, chosen before: they are given out as if they were sampled, and end it;
     * NULL: they are sampled. */
    const int32_t *given;
    int64_t n_given;
    /* Asked between tokens, and every 512 tokens of the prompt; false ends. */
    bool (*go_on)(void *user);
    void *user;
} og_generate_options;

typedef struct og_generate_result {
    og_stop stop;
    int stop_index;                /* OG_STOP_TEXT: which */
    int64_t n_prompt, n_generated; /* tokens; the end token is not counted */
    double prompt_s, generate_s;   /* seconds */
} og_generate_result;

/* Feeds the prompt, then samples until it ends. All tokens given out are in the sequence or fed
 * next; the sampler has accepted prompt and answer. */
OG_API og_status og_generate(og_model *m, og_sequence *seq, const og_tokenizer *t, og_sampler *s,
                             const og_generate_options *opt, og_generate_result *out);

/* The chat of a model. choice: a template's name in its file or built in ("chatml"), or a path;
 * NULL: the model's own, the one for tools where there is one and with_tools is set, else chatml,
 * which is told. Errors: OG_E_NOT_FOUND names the templates there are; those of og_chat_new. */
OG_API og_status og_chat_open(og_ctx *ctx, const og_model *m, const char *choice, bool with_tools,
                              og_chat **out);

typedef struct og_beams_options {
    int width; /* texts followed at once, 1 to 63; the model needs width + 1 sequences */
    double length_penalty; /* finished texts are ranked by logprob / n^length_penalty */
} og_beams_options;

/* og_generate with the answer that beam search finds likeliest: nothing is sampled, a matcher is
 * refused, max_tokens bounds the texts compared. The answer is given out when it is found. */
OG_API og_status og_generate_beams(og_model *m, og_sequence *seq, const og_tokenizer *t,
                                   og_sampler *s, const og_beams_options *beams,
                                   const og_generate_options *opt, og_generate_result *out);

#ifdef __cplusplus
}
#endif
#endif
