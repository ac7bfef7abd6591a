/* SPDX-License-Identifier: MIT
 *
 * Quantize activations: a linear reads its input as int8 codes (A8) if its weight's type says so
 * (graph/types.def). Linears over one value share its codes.
 *
 *     %1 = linear(%0, @q) : F32[T,64]        %1 = quantize(%0) : A8[T,64]
 *     %2 = linear(%0, @k) : F32[T,64]        %2 = linear(%1, @q) : F32[T,64]
 *                                            %3 = linear(%1, @k) : F32[T,64] */
#include "graph/pass.h"

#include "graph/kx.h"
#include "graph/op_def.h"

typedef struct state {
    og_tensor **codes; /* by node id of the new graph: the value quantized, or NULL */
    int64_t cap;
} state;

/* Where the codes of x are kept; NULL when memory is out. */
static og_tensor **codes_of(state *st, og_graph *g, const og_tensor *x)
{
    int64_t cap = st->cap;
    g->status = ogi_grow(g->ctx, &st->codes, &cap, x->id + 1, sizeof *st->codes);
    if (g->status != OG_OK) return NULL;
    for (; st->cap < cap; st->cap++) st->codes[st->cap] = NULL;
    return &st->codes[x->id];
}

static og_tensor *rewrite(void *user, og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    og_tensor *s[OGI_MAX_SRC];
    memcpy(s, src, sizeof s);
    bool is_linear = ogi_op_def_of(n->op)->op_class == OGI_CLASS_LINEAR && s[0]->dtype != OG_A8 &&
                     ogi_type_activation(s[1]->dtype) == OG_A8;
    if (!is_linear && n->op != OG_OP_QUANTIZE) return ogi_node_copy(g, n, s);
    og_tensor **codes = codes_of(user, g, s[0]);
    if (!codes) return NULL;
    if (!*codes) *codes = ogi_node(og_at(g, n->file, n->line), OG_OP_QUANTIZE, NULL, 1, s);
    if (!is_linear || !*codes) return *codes;
    s[0] = *codes;
    return ogi_node_copy(g, n, s);
}

og_status ogi_pass_quantize_activations(const og_graph *in, og_graph **out)
{
    state st = { 0 };
    og_status s = ogi_graph_rewrite(in, rewrite, &st, out);
    ogi_free(in->ctx, st.codes);
    return s;
}
