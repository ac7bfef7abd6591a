/* SPDX-License-Identifier: MIT
 *
 * The passes from the built graph to the planned one, in order, and how they are run. */
#include "graph/pass.h"

// clang-format off
const ogi_pass ogi_passes[] = {
    /* First: what is folded or shared here need not be looked at again. */
    { "simplify_graph", "fold constants, drop neutral ops, share equal values, remove dead ones",
      ogi_pass_simplify_graph },
    { "decompose_composites", "replace composite ops by simpler ones",
      ogi_pass_decompose_composites },
    /* The pieces of different composites may be equal. */
    { "simplify_pieces", "simplify_graph again, after decomposing", ogi_pass_simplify_graph },
    /* After sharing, so that linears over one value share its quantized form. */
    { "quantize_activations", "int8 activations for linears with quantized weights",
      ogi_pass_quantize_activations },
    /* Last: no pass after it may make views that it would have to copy. */
    { "materialize_views", "copy where a consumer cannot follow a view",
      ogi_pass_materialize_views },
};
// clang-format on
const int ogi_n_passes = OGI_LEN(ogi_passes);

static bool is_pass(ogi_sv name)
{
    for (int i = 0; i < ogi_n_passes; i++)
        if (ogi_sv_eq(name, ogi_sv_of(ogi_passes[i].name))) return true;
    return false;
}

static og_status check_name(og_ctx *ctx, ogi_sv name)
{
    if (is_pass(name)) return OG_OK;
    ogi_buf known = { .ctx = ctx };
    for (int i = 0; i < ogi_n_passes; i++)
        ogi_buf_printf(&known, "%s%s", i ? ", " : "", ogi_passes[i].name);
    ogi_fail(ctx, OG_E_NOT_FOUND, __FILE__, __LINE__, "no pass \"%.*s\"; there are %s",
             (int)OGI_MIN(name.n, 80), name.p, ogi_buf_str(&known));
    ogi_buf_free(&known);
    return OG_E_NOT_FOUND;
}

/* Cuts the next name off a comma-separated list; false at its end. */
static bool next_name(const char **list, ogi_sv *name)
{
    if (!*list || !**list) return false;
    *name = (ogi_sv){ *list, strcspn(*list, ",") };
    *list += name->n + ((*list)[name->n] == ',');
    return true;
}

static bool is_skipped(const char *skip, const char *pass)
{
    ogi_sv name;
    while (next_name(&skip, &name))
        if (ogi_sv_eq(name, ogi_sv_of(pass))) return true;
    return false;
}

static og_tensor *copy(void *user, og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    (void)user;
    return ogi_node_copy(g, n, src);
}

/* Replaces *g by what the pass makes of it. */
static og_status run_pass(const ogi_pass *pass, og_graph **g)
{
    og_graph *next;
    OG_TRY(pass->run(*g, &next));
    og_graph_free(*g);
    *g = next;
#ifdef OG_DEBUG
    OG_TRY(ogi_verify(next));
#endif
    return OG_OK;
}

og_status ogi_passes_run(const og_graph *in, const char *last, const char *skip, og_graph **out)
{
    ogi_sv name;
    og_graph *g;
    *out = NULL;
    if (last) OG_TRY(check_name(in->ctx, ogi_sv_of(last)));
    for (const char *rest = skip; next_name(&rest, &name);) OG_TRY(check_name(in->ctx, name));
    OG_TRY(ogi_graph_rewrite(in, copy, NULL, &g));
    for (int i = 0; i < ogi_n_passes; i++) {
        og_status s = OG_OK;
        if (!is_skipped(skip, ogi_passes[i].name)) s = run_pass(&ogi_passes[i], &g);
        if (s != OG_OK) {
            og_graph_free(g);
            return s;
        }
        if (last && !strcmp(last, ogi_passes[i].name)) break;
    }
    *out = g;
    return OG_OK;
}
