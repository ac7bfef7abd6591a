/* SPDX-License-Identifier: MIT
 *
 * The engine from inside: engine_load.c makes a model, sequence.c keeps its sequences and their
 * pages, engine.c turns feeds into steps. After load a step allocates nothing. */
#ifndef OG_RUNTIME_ENGINE_IMPL_H
#define OG_RUNTIME_ENGINE_IMPL_H

#include "models/model.h"
#include "runtime/engine.h"
#include "runtime/kv_pool.h"
#include "runtime/program.h"

/* A sequence of tokens and where its states lie. */
struct og_sequence {
    og_model *m;
    og_sequence *next; /* all sequences of the model */
    int32_t *page;     /* n_page owned; room for more grows between steps */
    int64_t n_page, page_cap, length;
    int32_t slot;         /* recurrent slot, -1: the model has none */
    og_sequence *encoded; /* the encoder's tokens: pages and length alone; NULL: none yet */
};

/* The step's inputs, in host memory that the programs are bound to. */
typedef struct step_inputs {
    int32_t *token, *pos, *kv_slot; /* as many as a step has tokens at most */
    int32_t seq_start[OGI_STEP_SEQS + 1], kv_len[OGI_STEP_SEQS], state_slot[OGI_STEP_SEQS];
    int32_t out_row[OGI_HEAD_ROWS];
    int32_t *page_table, *enc_page_table; /* [S, P] */
    int32_t enc_len[OGI_STEP_SEQS];
} step_inputs;

struct og_model {
    og_ctx *ctx;
    ogi_gguf *file;
    ogi_model *model;
    og_device *device;
    og_program *program[OGI_MAX_ENTRY];      /* of the model's entries; NULL: not used here */
    og_program *encode, *step, *rows, *pool; /* of these: step; head or embed; pool */
    void **state;                            /* device memory of each state */
    int64_t kv_size, weight_size;
    int64_t n_ctx, pages_per_seq, n_page, n_slot;
    int batch;
    ogi_id_pool page, slot;
    og_sequence *seqs;
    step_inputs *in;
    og_trace trace;
    int64_t step_sym[OG_MAX_SYM], rows_sym[OG_MAX_SYM]; /* of the last runs */
    const void *hidden;                                 /* where rows was bound to last */
    const char *rows_output;                            /* "logits" or "row" */
    float *row;                                         /* [n_col], what pool is bound to */
    int64_t n_col;                                      /* of what rows gives */
    uint64_t passes;                                    /* a hash of the passes left out */
    uint64_t fingerprint;                               /* 0: not computed yet */
};

/* The row of the pages where a token lies. */
static inline int32_t ogi_slot_of(const og_sequence *s, int64_t pos)
{
    return s->page[pos / OGI_PAGE] * OGI_PAGE + (int32_t)(pos % OGI_PAGE);
}

/* Pages for length tokens. OG_E_LIMIT: there are no more. */
og_status ogi_sequence_take_pages(og_sequence *s, int64_t length);
/* Forgets what was encoded, and takes pages for `length` tokens of the encoder. */
og_status ogi_sequence_begin_encoded(og_sequence *s, int64_t length);
/* Makes the values that fit the pattern outputs of the step; gives them out after a run. */
og_status ogi_trace_prepare(og_model *m, const char *pattern);
og_status ogi_trace_step(og_model *m);

#endif
