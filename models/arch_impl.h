/* SPDX-License-Identifier: MIT
 *
 * Between the files that turn a GGUF file into a model: hyperparameters (hparams.c), weights
 * (weights.c), decoder blocks (decoder*.c), the whole (model.c). */
#ifndef OG_MODELS_ARCH_IMPL_H
#define OG_MODELS_ARCH_IMPL_H

#include "base/expr.h"
#include "models/contract.h"

/* The registered or built-in architecture of that name, or NULL. */
const og_arch *ogi_arch_find(const og_ctx *ctx, ogi_sv name);

/* Reads and checks arch's keys into *out (of arch->hp_size, zeroed), then derives what follows.
 * n_ctx: of the run; 0: the file's. */
og_status ogi_hparams_read(og_ctx *ctx, const ogi_gguf *f, const og_arch *arch, int64_t n_ctx,
                           og_hparams *out);

/* What expressions of tables see: the numbers of layer il (-1: of the model), the file's weights.
 */
typedef struct ogi_hp_view {
    const ogi_gguf *file;
    const og_arch *arch;
    const og_hparams *hp;
    int il;
} ogi_hp_view;
og_status ogi_hp_eval(og_ctx *ctx, const ogi_hp_view *v, const char **at, double *out);

/* ---- weights ------------------------------------------------------------------------------- */
enum { OGI_WEIGHT_NAME = 128 };

/* The layer whose weights layer il takes; -1 stays. */
int ogi_own_layer(const og_hparams *hp, int il);

/* The row's tensor of layer il (-1: of the model), the first alternative that the file has, and
 * its name (may be NULL; of the first where there is none: NULL). */
const ogi_gguf_tensor *ogi_weight_find(const ogi_gguf *f, const og_weight_row *row, int il,
                                       char *name);

typedef struct ogi_weights {
    og_ctx *ctx;
    const ogi_gguf *file;
    const og_arch *arch;
    const og_hparams *hp;
    og_globals *global; /* of arch->globals_size */
    char *layer;        /* n_copy of arch->layer_size */
    int n_copy;
    bool *is_known, *is_read; /* by tensor of the file */
    ogi_model *model;         /* whose bindings are filled */
} ogi_weights;

static inline size_t ogi_layer_size(const og_arch *arch)
{
    return OGI_MAX(arch->layer_size, sizeof(og_layer));
}
/* Counts copies and allocates in the model's arena. */
og_status ogi_weights_init(ogi_weights *w);
/* Declares the weights of layer il, or the global ones if it is -1, in g. Sets their pointers. */
og_status ogi_weights_declare(ogi_weights *w, og_graph *g, int il);
/* Notes which of g's weights are read; what nothing needs must be gone from g. */
void ogi_weights_note_read(ogi_weights *w, const og_graph *g);
/* Fails if the file has a tensor that no table row spoke of, or that no graph reads. */
og_status ogi_weights_check(const ogi_weights *w);

/* ---- decoder ------------------------------------------------------------------------------- */
/* A table of cosines and sines, and what it was made from. */
typedef struct ogi_rope_table {
    og_rope_args rule;
    float base;
    bool has_factors, is_back;
    og_tensor *pos, *table;
} ogi_rope_table;

enum { OGI_MAX_ROPE = 16 /* rules in one model */ };

/* What the blocks of one graph share. */
typedef struct ogi_decoder_own {
    ogi_symbols sym;
    og_tensor *input[OG_STEP_INPUT_COUNT];
    og_tensor *rows;
    ogi_rope_table rope[OGI_MAX_ROPE];
    int n_rope;
    int il;                           /* the layer being built, -1: none */
    og_tensor **stored_k, **stored_v; /* keys and values of each layer, after their stores */
    bool *is_declared;                /* by layer */
    ogi_kv_types kv;
    int64_t n_row;    /* width of what is pooled */
    int64_t hidden;   /* width of the step's output */
    ogi_model *model; /* whose states are filled */
    ogi_weights *weights;
} ogi_decoder_own;

/* Has the model a layer il? If not, the graph fails, once. False for a graph that has failed. */
bool ogi_decoder_has_layer(og_decoder *d, int il);
/* og_decoder_pages in a type; OG_E_UNSUPPORTED where rows are no whole blocks of it. */
og_tensor *ogi_decoder_pages_as(og_decoder *d, og_dtype type, const char *name, int il,
                                int64_t n_head, int64_t n_row, int64_t dim);
/* Makes what layers share before the first of them, so that the layers are alike. */
void ogi_decoder_prepare(og_decoder *d);
/* The table of cosines and sines by which the layer turns heads of head_dim, and its rule. */
og_tensor *ogi_decoder_norm_eps(og_decoder *d, og_norm_kind kind, float eps, og_tensor *x,
                                og_tensor *w, og_tensor *b);
/* The factor of a weight "X.weight" that the file holds as "X.scale": one number, or one for each
 * expert; NULL if there is none. */
og_tensor *ogi_decoder_scale_of(const og_decoder *d, const og_tensor *w);
/* What YaRN's scaling makes of the size of queries and of keys; 1 without it. */
float ogi_decoder_yarn(const og_decoder *d, int il);
/* Queries [T, H, D] times the temperature by position. */
og_tensor *ogi_decoder_tempered(og_decoder *d, og_tensor *q);
og_tensor *ogi_decoder_rope_table(og_decoder *d, int il, int head_dim, const og_turn *spec,
                                  og_rope_args *rule);

#endif
