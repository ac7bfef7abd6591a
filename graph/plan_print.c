/* SPDX-License-Identifier: MIT
 *
 * Plans as text and JSON: groups, what they read and write, FLOPs and bytes at the range's maximum,
 * arena offsets, planned peak against the lower bound. */
#include "graph/layout.h"
#include "graph/plan.h"

#include <jansson.h>

static const char *const kind_name[] = { "map", "matmul", "kernel" };

static void print_value(const ogi_plan *p, const og_tensor *x, ogi_buf *out)
{
    int s = p->slot_of[x->id];
    if (ogi_is_leaf(x) && x->name)
        ogi_buf_printf(out, "%s", x->name);
    else
        ogi_buf_printf(out, "%%%d", x->id);
    if (s >= 0) ogi_buf_printf(out, "@%lld", (long long)p->slot[s].offset);
}

void ogi_group_print_ops(const ogi_group *g, ogi_buf *out)
{
    for (int i = 0; i < g->n_prologue; i++)
        ogi_buf_printf(out, "%s%s", i ? "+" : "(", ogi_op_name(g->prologue[i]->op));
    if (g->n_prologue) ogi_buf_puts(out, ") ");
    if (!g->n_set) {
        for (int i = g->n_prologue; i < g->n_member; i++)
            ogi_buf_printf(out, "%s%s", i > g->n_prologue ? "+" : "",
                           ogi_op_name(g->member[i]->op));
        return;
    }
    for (int k = 0; k < g->n_set; k++) {
        ogi_buf_puts(out, k ? " | " : "");
        for (int i = 0; i < g->set[k].n_linear; i++)
            ogi_buf_printf(out, "%s%s", i ? "," : "", ogi_op_name(g->set[k].linear[i]->op));
        for (int i = 0; i < g->set[k].n_member; i++)
            ogi_buf_printf(out, "+%s", ogi_op_name(g->set[k].member[i]->op));
    }
}

static void print_group(const ogi_plan *p, int b, ogi_buf *out)
{
    const ogi_group *g = &p->group[b];
    ogi_buf_printf(out, "%4d %-6s layer %3d  ", b, kind_name[g->kind], g->layer);
    ogi_group_print_ops(g, out);
    ogi_buf_puts(out, "\n       reads ");
    for (int i = 0; i < g->n_read; i++) {
        ogi_buf_puts(out, i ? " " : "");
        print_value(p, g->read[i], out);
    }
    ogi_buf_puts(out, "\n       writes ");
    for (int i = 0; i < g->n_write; i++) {
        ogi_buf_puts(out, i ? " " : "");
        print_value(p, g->write[i], out);
    }
    ogi_buf_printf(out, "\n       %.4g FLOP, %.4g bytes", ogi_cost_eval(g->cost.flops, p->sym_max),
                   ogi_cost_eval(g->cost.bytes, p->sym_max));
    if (g->cost.flops_per_key > 0)
        ogi_buf_printf(out, " and %.4g FLOP, %.4g bytes for each key a token sees",
                       g->cost.flops_per_key, g->cost.bytes_per_key);
    ogi_buf_putc(out, '\n');
}

static void print_text(const ogi_plan *p, ogi_buf *out)
{
    ogi_buf_printf(out, "plan %s", p->graph->name);
    for (int i = 0; i < p->graph->n_sym; i++)
        ogi_buf_printf(out, " %s=%lld..%lld", p->graph->sym[i].name, (long long)p->sym_min[i],
                       (long long)p->sym_max[i]);
    ogi_buf_printf(out, "\n%d groups, %d barriers; arena %lld bytes, lower bound %lld (%.3f)\n",
                   p->n_group, p->n_group, (long long)p->arena_size, (long long)p->lower_bound,
                   p->lower_bound ? (double)p->arena_size / (double)p->lower_bound : 1.0);
    for (int b = 0; b < p->n_group; b++) print_group(p, b, out);
}

static json_t *json_value(const ogi_plan *p, const og_tensor *x)
{
    int s = p->slot_of[x->id];
    json_t *o = json_pack("{s:i, s:s}", "node", x->id, "op", ogi_op_name(x->op));
    if (x->name) json_object_set_new(o, "name", json_string(x->name));
    if (s >= 0) {
        json_object_set_new(o, "offset", json_integer(p->slot[s].offset));
        json_object_set_new(o, "size", json_integer(p->slot[s].size));
    }
    return o;
}

static json_t *json_values(const ogi_plan *p, const og_tensor *const *x, int n)
{
    json_t *a = json_array();
    for (int i = 0; i < n; i++) json_array_append_new(a, json_value(p, x[i]));
    return a;
}

static json_t *json_group(const ogi_plan *p, int b)
{
    const ogi_group *g = &p->group[b];
    ogi_buf ops = { .ctx = p->ctx };
    ogi_group_print_ops(g, &ops);
    json_t *o = json_pack("{s:i, s:s, s:i, s:s}", "id", b, "kind", kind_name[g->kind], "layer",
                          g->layer, "ops", ogi_buf_str(&ops));
    ogi_buf_free(&ops);
    json_object_set_new(o, "flops", json_real(ogi_cost_eval(g->cost.flops, p->sym_max)));
    json_object_set_new(o, "bytes", json_real(ogi_cost_eval(g->cost.bytes, p->sym_max)));
    json_object_set_new(o, "flops_per_key", json_real(g->cost.flops_per_key));
    json_object_set_new(o, "bytes_per_key", json_real(g->cost.bytes_per_key));
    json_object_set_new(o, "members", json_values(p, g->member, g->n_member));
    json_object_set_new(o, "prologue", json_values(p, g->prologue, g->n_prologue));
    json_object_set_new(o, "reads", json_values(p, g->read, g->n_read));
    json_object_set_new(o, "writes", json_values(p, g->write, g->n_write));
    return o;
}

static og_status print_json(const ogi_plan *p, ogi_buf *out)
{
    json_t *root = json_pack("{s:s, s:i, s:i, s:I, s:I}", "graph", p->graph->name, "n_group",
                             p->n_group, "n_barrier", p->n_group, "arena_size",
                             (json_int_t)p->arena_size, "lower_bound", (json_int_t)p->lower_bound);
    json_t *sym = json_object(), *groups = json_array();
    for (int i = 0; i < p->graph->n_sym; i++)
        json_object_set_new(
            sym, p->graph->sym[i].name,
            json_pack("[I, I]", (json_int_t)p->sym_min[i], (json_int_t)p->sym_max[i]));
    for (int b = 0; b < p->n_group; b++) json_array_append_new(groups, json_group(p, b));
    json_object_set_new(root, "symbols", sym);
    json_object_set_new(root, "groups", groups);
    char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    if (!text) OG_FAIL(p->ctx, OG_E_MEMORY, "plan: out of memory for JSON");
    ogi_buf_puts(out, text);
    ogi_buf_putc(out, '\n');
    free(text);
    return OG_OK;
}

og_status ogi_plan_print(const ogi_plan *p, og_format format, ogi_buf *out)
{
    switch (format) {
    case OG_TEXT: print_text(p, out); return OG_OK;
    case OG_JSON: return print_json(p, out);
    case OG_DOT: break;
    }
    OG_FAIL(p->ctx, OG_E_UNSUPPORTED, "plan: printed as text or JSON only");
}
