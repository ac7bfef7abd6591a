/* SPDX-License-Identifier: MIT
 *
 * Running models: load a GGUF file, keep sequences, feed tokens, read logits.
 *
 *     og_model *m;
 *     og_sequence *s;
 *     og_model_load(ctx, "model.gguf", NULL, &m);
 *     og_sequence_new(m, &s);
 *     og_model_feed(m, &(og_feed){ .seq = s, .token = prompt, .n = n }, 1, OG_ROWS_LAST, row,
 * user);
 *
 * The logits of a token depend on its own sequence alone, bit for bit: not on how a prompt is cut
 * into feeds, on other sequences in the same feed, or on the number of threads. */
#ifndef OXIGRAPH_MODEL_H
#define OXIGRAPH_MODEL_H

#include "oxigraph/compile.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct og_model og_model;
typedef struct og_sequence og_sequence;

/* A value inside a step, all its tokens' rows. */
typedef struct og_traced {
    const char *name;
    const float *data; /* until the next step */
    int rank;
    int64_t dim[OG_MAX_RANK];
} og_traced;

/* Gives the values whose names fit a pattern ("blk.*.out") after each step; false stops. */
typedef struct og_trace {
    const char *pattern; /* NULL: none */
    bool (*fn)(void *user, const og_traced *value);
    void *user;
} og_trace;

/* Zero means default. */
typedef struct og_model_options {
    og_device_options device;
    int64_t n_ctx;     /* tokens a sequence may hold; default: what the model was trained for */
    int n_sequence;    /* sequences alive at once; default 1 */
    const char *kv;    /* keys and values: "f32" "f16" (default) "bf16" "q8_0" "q4_0", or, for each,
                          "k=q8_0,v=q4_0" */
    int batch;         /* tokens of one sequence in one step; default and most: 512 */
    const char *graph; /* a file of graphs (docs/form.md) to run over the model's weights, or
                          "embedded", those of the model's file; default: the architecture's, or,
                          where that is not known, the embedded ones */
    bool via_text;     /* the graphs are printed and parsed again: for tests of the text form */
    bool reverse_pages;          /* hand out KV pages from the end: for tests of placement */
    const char *const *override; /* "key=type:value" metadata overrides, see formats/gguf.h */
    int n_override;
    bool no_mmap; /* a copy of the file in memory instead of a map */
    bool mlock;   /* keep the weights from being swapped out */
    og_compile_options compile;
    og_trace trace;
    bool has_pooling; /* for og_model_embed instead of logits */
    int pooling; /* og_pooling (arch.h); -1: the file's, else last, or mean without causality */
    /* Called while loading with 0..1; false cancels (OG_E_CANCELLED). */
    bool (*progress)(void *user, double done);
    void *user;
} og_model_options;

/* Errors name the file and what is wrong. KV memory that does not fit is OG_E_LIMIT before
 * anything is loaded, with the context that fits. */
OG_API og_status og_model_load(og_ctx *ctx, const char *path, const og_model_options *opt,
                               og_model **out);
/* Frees the model and its sequences. */
OG_API void og_model_free(og_model *m);

typedef struct og_model_info {
    const char *arch;
    int64_t n_vocab, n_embd, n_layer;
    int64_t n_ctx, n_ctx_train;
    int64_t weight_size, kv_size; /* bytes */
    int64_t n_pooled;             /* width of embeddings; 0: loaded for logits */
    bool has_encoder;             /* og_model_encode goes before og_model_feed */
    bool is_causal, is_ranked;    /* ranked: embeddings are the classifier's outputs */
    const char *device, *isa;
    int n_thread;
} og_model_info;
OG_API void og_model_get_info(const og_model *m, og_model_info *out);

/* A sequence of tokens with its keys and values. OG_E_LIMIT beyond n_sequence. */
OG_API og_status og_sequence_new(og_model *m, og_sequence **out);
OG_API void og_sequence_free(og_sequence *s);
OG_API int64_t og_sequence_length(const og_sequence *s);
/* Forgets all tokens from position n on. Models with recurrent states can only forget all (n = 0):
 * OG_E_UNSUPPORTED otherwise. */
OG_API og_status og_sequence_truncate(og_sequence *s, int64_t n);
/* Makes `to` hold what `from` holds, of the same model. The first n_alike tokens of both are known
 * to be the same, and are not copied again (0: nothing is known). On failure `to` is empty. */
OG_API og_status og_sequence_copy(og_sequence *to, const og_sequence *from, int64_t n_alike);

/* Tokens to append to a sequence. */
typedef struct og_feed {
    og_sequence *seq; /* each sequence at most once in a call */
    const int32_t *token;
    int64_t n; /* >= 1 */
} og_feed;

typedef enum og_rows { OG_ROWS_NONE, OG_ROWS_LAST, OG_ROWS_ALL, OG_ROWS_FIRST } og_rows;

/* Receives one row of logits [n_vocab], valid during the call: row i of feed f. Rows of one feed
 * come in order. false stops: OG_E_CANCELLED, the tokens of the steps done stay. */
typedef bool (*og_row_fn)(void *user, int f, int64_t i, const float *logits);

/* Appends tokens to up to 64 sequences, all in the same steps, and gives the rows asked for.
 * OG_E_INVALID: a token outside the vocabulary; OG_E_LIMIT: a context is full (nothing is fed). */
OG_API og_status og_model_feed(og_model *m, const og_feed *feed, int n_feed, og_rows rows,
                               og_row_fn fn, void *user);

/* Are these logits, a row of the last feed of m, numbers to choose a token by? If one is NaN or
 * +inf, or all are -inf: OG_E_INVALID with the layer and node where numbers ended, which are found
 * by running the feed's last step once more, watched. A recurrent model's sequences of that feed
 * are of no use afterwards. A NaN in logits has one bit pattern, whatever made it. */
OG_API og_status og_model_check_logits(og_model *m, const float *logits);

/* Lets the encoder read a text, before tokens are fed to an empty sequence of an encoder-decoder;
 * OG_E_UNSUPPORTED for other models. */
OG_API og_status og_model_encode(og_model *m, og_sequence *s, const int32_t *token, int64_t n);

/* Appends tokens as og_model_feed does, to sequences that are empty, and gives the embedding of
 * each [n_pooled], or of each token with OG_POOL_NONE. The model must be loaded with has_pooling.
 */
OG_API og_status og_model_embed(og_model *m, const og_feed *feed, int n_feed, og_row_fn fn,
                                void *user);

/* The compiled programs, for inspection. */
OG_API const og_program *og_model_program(const og_model *m, const char *entry); /* "step" "head" */

#ifdef __cplusplus
}
#endif
#endif
