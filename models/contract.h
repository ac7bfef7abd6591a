/* SPDX-License-Identifier: MIT
 *
 * What holds between the engine and the graphs of any model, whether an architecture's functions
 * built them or a text: which entries there are, the symbols and inputs they may have, the output
 * they give, what a state looks like. */
#ifndef OG_MODELS_CONTRACT_H
#define OG_MODELS_CONTRACT_H

#include "models/model.h"
#include "oxigraph/decoder.h"

enum { OGI_N_KIND = 5 };

/* A kind of entry: what the engine finds in it. */
typedef struct ogi_kind {
    const char *name, *output;
    enum { OGI_OF_TOKENS, OGI_OF_HIDDEN, OGI_OF_ROWS } of;
} ogi_kind;

/* In the order in which they are made: those behind take widths from those ahead. */
extern const ogi_kind ogi_kinds[OGI_N_KIND];
const ogi_kind *ogi_kind_find(const char *name); /* or NULL */

typedef struct ogi_symbols {
    og_dim T, S, P, N, M, O;
} ogi_symbols;

/* Declares the symbols that graphs of the kind have, with the engine's ranges. */
void ogi_symbols_declare(const ogi_model *m, const ogi_kind *k, og_graph *g, ogi_symbols *out);

/* An integer input of steps: its name, its shape. */
const char *ogi_step_input(og_step_input which, const ogi_symbols *s, og_shape *shape);

/* The output's width is as the engine wants it, and noted in the model. */
og_status ogi_model_note_width(ogi_model *m, const ogi_kind *k, const og_tensor *x);

/* Lists a state of a graph; one that another graph declared is the same. */
og_status ogi_model_add_state(ogi_model *m, const og_tensor *state, bool is_paged);

/* Replaces *g by what outputs and stores need of it. */
og_status ogi_graph_drop_dead(og_graph **g);

/* The type and shape of the input of that name that graphs of the kind may have; false: none. */
bool ogi_contract_input(const ogi_model *m, const ogi_kind *k, const ogi_symbols *s,
                        const char *name, og_dtype *type, og_shape *shape);

/* A graph that somebody else made: its inputs, output and states are the engine's, its weights the
 * file's; notes widths, states and weights. Errors name entry and leaf. */
og_status ogi_contract_check(ogi_model *m, const ogi_kind *k, const ogi_symbols *s,
                             const og_graph *g);

#endif
