/* SPDX-License-Identifier: MIT
 *
 * A model as the runtime sees it: a GGUF file turned into graphs, the weights they name bound to
 * the mapped file, and the states they need. Which architecture it is does not show. */
#ifndef OG_MODELS_MODEL_H
#define OG_MODELS_MODEL_H

#include "formats/gguf.h"
#include "graph/graph.h"

enum {
    OGI_STEP_TOKENS = 512, /* T at most, in one step of a causal model */
    OGI_STEP_SEQS = 64,    /* S at most */
    OGI_HEAD_ROWS = 16,    /* O at most, in one execution of the head */
    OGI_PAGE = 64,         /* keys in a KV page */
};

/* What the pages of keys and of values hold: types of OGI_KV_TYPES (ops/attention.h). */
typedef struct ogi_kv_types {
    og_dtype k, v;
} ogi_kv_types;

/* "q8_0" for both, or "k=q8_0,v=q4_0"; what is not named, and all with NULL, is F16. False if the
 * text is neither. */
bool ogi_kv_types_parse(const char *text, ogi_kv_types *out);
/* What a text should have been, for messages. */
#define OGI_KV_EXPECTED "f32, f16, bf16, q8_0, q4_0, or for each k=TYPE,v=TYPE"

typedef struct ogi_model_options {
    int64_t n_ctx; /* context of the run (LongRoPE's factors depend on it); 0: the file's */
    ogi_kv_types kv;
    bool has_pooling;  /* for embeddings: graphs `embed` and `pool` in place of `head` */
    int pooling;       /* og_pooling; -1: the file's */
    const char *graph; /* the file of graphs to take instead of the architecture's (docs/form.md);
                          "embedded": those in the model's file */
    bool via_text;     /* graphs are printed and parsed again */
} ogi_model_options;

/* One weight of the graphs: bytes in the mapped file. */
typedef struct ogi_binding {
    const char *name;
    const void *data;
    int64_t size;
} ogi_binding;

/* One state: unit_size bytes for each KV page (is_paged) or for each recurrent slot. */
typedef struct ogi_state_info {
    const char *name;
    og_dtype type;
    bool is_paged;
    int64_t unit_size;
} ogi_state_info;

enum { OGI_MAX_ENTRY = 5 };

/* A named graph of the model, over the same weights and states as the others. */
typedef struct ogi_entry {
    const char *name;
    og_graph *graph;
} ogi_entry;

/* Graphs `step` and `encode`: symbols, in this order, T S P N M (tokens, sequences, pages a
 * sequence, KV pages in the pool, recurrent slots); inputs, those it needs of: token[T] pos[T]
 * seq_start[S+1] page_table[S,P] kv_slot[T] kv_len[S] state_slot[S] enc_page_table[S,P] enc_len[S],
 * all I32; output "hidden" [T, hidden]. Graphs `head` and `embed`: symbols O T; inputs hidden[T,
 * hidden] and out_row[O]; outputs "logits" [O, V], "row" [O, n_row]. Graph `pool`: symbol O; input
 * row[O, n_row]; output "pooled" [O, n_pooled]. */
typedef struct ogi_model {
    og_ctx *ctx;
    ogi_arena mem;
    const ogi_gguf *file; /* borrowed; must stay open */
    const char *arch;
    ogi_entry entry[OGI_MAX_ENTRY];
    int n_entry;
    ogi_binding *weight;
    int n_weight;
    int64_t weight_cap;
    ogi_state_info *state;
    int n_state;
    int64_t state_cap;
    int64_t n_vocab, n_embd, n_layer;
    int64_t n_ctx_train, n_ctx;
    int64_t hidden, n_row, n_pooled; /* widths of rows */
    int64_t encode_tokens;           /* the same of `encode`; 0: there is no encoder */
    int64_t step_tokens;             /* T at most: all of a sequence where is_causal is false */
    bool is_causal;                  /* a token's row does not depend on those after it */
    int pooling;                     /* og_pooling: of which rows of a sequence `pool` is */
    bool is_ranked;                  /* `pool` gives the outputs of the classifier */
    bool has_kv, has_recurrent;      /* paged states, slot states */
} ogi_model;

/* The graph of that name, or NULL. */
og_graph *ogi_model_graph(const ogi_model *m, const char *entry);

/* Errors name the file and the key or tensor. */
og_status ogi_model_open(og_ctx *ctx, const ogi_gguf *file, const ogi_model_options *opt,
                         ogi_model **out);
void ogi_model_close(ogi_model *m);
/* Will the file's own graphs run, unasked? Where its architecture is not known, if it has any. */
bool ogi_model_is_embedded(const og_ctx *ctx, const ogi_gguf *file);

/* Names and docs of the architectures, in the order of archs.def; NULL behind the last. */
const char *ogi_arch_name(int i);
const char *ogi_arch_doc(int i);

#endif
