/* SPDX-License-Identifier: MIT
 *
 * What kernels follow into memory without a look: page tables, slots, rows, ids of experts. An op
 * marks such sources (ogi_op_def.address); a graph from anywhere keeps to the marks, or is refused
 * before it is planned:
 *
 *     $kv_slot        the step's input of that name, which the engine fills (or the caller, who
 *                     binds it and answers for it)
 *     top_k(..)       a value whose bounds follow from what it was made of, and lie inside
 *     group_by_..     the result of that op, of the same ids */
#include "graph/dim.h"
#include "graph/form.h"
#include "graph/layout.h"
#include "graph/op_def.h"

static og_status fail(const og_tensor *n, const ogi_address *a, const ogi_range *r, int64_t limit)
{
    og_ctx *ctx = n->g->ctx;
    ogi_buf text = { .ctx = ctx };
    ogi_buf_printf(&text, "operand %d addresses memory: expected ", a->src);
    if (a->made_by >= 0)
        ogi_buf_printf(&text, "the result of %s of the same ids", ogi_op_name((og_op)a->made_by));
    if (a->input) ogi_buf_printf(&text, "the input \"%s\"", a->input);
    if (a->limit)
        ogi_buf_printf(&text, "%sa value within 0..%lld, not %lld..%lld", a->input ? " or " : "",
                       (long long)limit - 1, (long long)r->lo, (long long)r->hi);
    ogi_buf_printf(&text, ": node %d: ", n->id);
    ogi_form_node(n->g, n, &text);
    ogi_fail(ctx, OG_E_INVALID, __FILE__, __LINE__, "%s", ogi_buf_str(&text));
    ogi_buf_free(&text);
    return OG_E_INVALID;
}

/* names: alternatives, separated by | */
static bool is_input(const og_tensor *x, const char *names)
{
    const og_tensor *root = ogi_root(x);
    size_t n = root->op == OG_OP_INPUT ? strlen(root->name) : 0;
    for (const char *p = names; p && n > 0; p = strchr(p, '|'), p += p != NULL)
        if (!strncmp(p, root->name, n) && (p[n] == '|' || !p[n])) return true;
    return false;
}

/* Does groups = op(ids) sort the ids that n itself reads? */
static bool is_made_by(const og_tensor *n, const ogi_address *a)
{
    const og_tensor *made = ogi_root(n->src[a->src]);
    if (a->made_by < 0 || made->op != (og_op)a->made_by) return false;
    for (int i = 0; i < n->n_src; i++)
        if (n->src[i] && i != a->src && ogi_root(n->src[i]) == ogi_root(made->src[0])) return true;
    return false;
}

static og_status check_node(const og_tensor *n, const ogi_range *range)
{
    const ogi_op_def *def = ogi_op_def_of(n->op);
    for (int i = 0; i < def->n_address; i++) {
        const ogi_address *a = &def->address[i];
        if (a->src >= n->n_src || !n->src[a->src]) continue; /* an optional one, absent */
        const og_tensor *x = n->src[a->src];
        int64_t limit = a->limit ? a->limit(n) : 0;
        const ogi_range *r = &range[x->id];
        if (is_input(x, a->input) || is_made_by(n, a)) continue;
        if (a->limit && (limit == OGI_ADDRESS_HELD || (r->lo >= 0 && r->hi < limit))) continue;
        return fail(n, a, r, limit);
    }
    return OG_OK;
}

static ogi_range range_of(const og_tensor *n, const ogi_range *range)
{
    const ogi_op_def *def = ogi_op_def_of(n->op);
    const ogi_range any = { INT32_MIN, INT32_MAX };
    ogi_range src[OGI_MAX_SRC];
    if (n->dtype != OG_I32 || !def->range) return any;
    for (int i = 0; i < n->n_src; i++) src[i] = n->src[i] ? range[n->src[i]->id] : any;
    return def->range(n, src);
}

og_status ogi_verify_addresses(const og_graph *g)
{
    if (g->status != OG_OK) return g->status;
    ogi_range *range = OGI_NEW_N(g->ctx, ogi_range, g->n_node + 1);
    og_status st = range ? OG_OK : OG_E_MEMORY;
    for (int64_t i = 0; st == OG_OK && i < g->n_node; i++) {
        range[i] = range_of(g->node[i], range);
        st = check_node(g->node[i], range);
    }
    ogi_free(g->ctx, range);
    return st;
}
