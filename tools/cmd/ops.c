/* SPDX-License-Identifier: MIT
 *
 * oxigraph ops: the ops of the graph, printed from their definitions; docs/ops.md is the output of
 * --markdown, include/oxigraph/builders.h that of --header. */
#include <jansson.h>
#include <stdio.h>

#include "graph/op_def.h"
#include "tools/cmd/cli.h"

static const char *class_name(ogi_op_class c)
{
    switch (c) {
    case OGI_CLASS_LEAF: return "leaf";
    case OGI_CLASS_VIEW: return "view";
    case OGI_CLASS_MAP: return "map";
    case OGI_CLASS_INDEXED: return "indexed";
    case OGI_CLASS_ROW: return "row";
    case OGI_CLASS_STORE: return "store";
    case OGI_CLASS_LINEAR: return "linear";
    case OGI_CLASS_KERNEL: return "kernel";
    }
    return "";
}

static const char *attr_type(ogi_attr_kind k)
{
    switch (k) {
    case OGI_ATTR_INT:
    case OGI_ATTR_INT64: return "integer";
    case OGI_ATTR_FLOAT: return "number";
    case OGI_ATTR_BOOL: return "boolean";
    case OGI_ATTR_AXES: return "axes";
    case OGI_ATTR_SHAPE: return "shape";
    case OGI_ATTR_DTYPE: return "type";
    case OGI_ATTR_DATA: return "data";
    }
    return "";
}

static bool has_default(ogi_attr_kind k)
{
    return k == OGI_ATTR_INT || k == OGI_ATTR_INT64 || k == OGI_ATTR_FLOAT || k == OGI_ATTR_BOOL;
}

/* "1", "2 to 4" */
static void print_sources(ogi_buf *out, const ogi_op_def *d)
{
    ogi_buf_printf(out, "%d", d->n_src_min);
    if (d->n_src_max != d->n_src_min) ogi_buf_printf(out, " to %d", d->n_src_max);
}

static void print_attrs(ogi_buf *out, const ogi_op_def *d, const char *quote)
{
    for (int i = 0; i < d->n_attr; i++) {
        const ogi_attr *a = &d->attr[i];
        ogi_buf_printf(out, "%s%s%s%s %s", i ? ", " : "", quote, a->name, quote,
                       attr_type(a->kind));
        if (a->kind == OGI_ATTR_BOOL)
            ogi_buf_puts(out, a->dflt != 0 ? " (true)" : " (false)");
        else if (has_default(a->kind))
            ogi_buf_printf(out, " (%g)", a->dflt);
    }
}

static void print_line(ogi_buf *out, og_op op)
{
    ogi_buf_printf(out, "%-16s %-8s %s\n", ogi_op_name(op), class_name(ogi_op_def_of(op)->op_class),
                   ogi_op_doc(op));
}

static void print_one(ogi_buf *out, og_op op)
{
    const ogi_op_def *d = ogi_op_def_of(op);
    ogi_buf_printf(out, "%s: %s\n", ogi_op_name(op), ogi_op_doc(op));
    ogi_buf_printf(out, "class       %s\noperands    ", class_name(d->op_class));
    print_sources(out, d);
    ogi_buf_putc(out, '\n');
    if (d->n_attr) {
        ogi_buf_puts(out, "attributes  ");
        print_attrs(out, d, "");
        ogi_buf_putc(out, '\n');
    }
    if (d->decompose)
        ogi_buf_printf(out, "decomposes  %s\n", d->is_composite ? "always" : "as an oracle");
    if (d->tol > 0) ogi_buf_printf(out, "tolerance   %g\n", d->tol);
    for (int i = 0; i < d->n_cases; i++) ogi_buf_printf(out, "\n%s", d->cases[i]);
}

static void print_markdown(ogi_buf *out)
{
    ogi_buf_puts(out, "# Ops\n\n"
                      "Printed by `oxigraph ops --markdown`. A graph's values are made by these; "
                      "`form.md` says how they are written.\n"
                      "Tolerance: normalised mean squared error of a backend against the scalar "
                      "reference.\n");
    for (int op = 0; op < OG_OP_COUNT; op++) {
        const ogi_op_def *d = ogi_op_def_of((og_op)op);
        ogi_buf_printf(out, "\n## %s\n\n%s\n\n- class: %s", ogi_op_name((og_op)op),
                       ogi_op_doc((og_op)op), class_name(d->op_class));
        if (d->n_src_max) {
            ogi_buf_puts(out, "\n- operands: ");
            print_sources(out, d);
        }
        if (d->n_attr) {
            ogi_buf_puts(out, "\n- attributes (default): ");
            print_attrs(out, d, "`");
        }
        if (d->decompose)
            ogi_buf_printf(out, "\n- decomposed into simpler ops %s",
                           d->is_composite ? "by every compilation" : "in tests, as an oracle");
        if (d->tol > 0) ogi_buf_printf(out, "\n- tolerance: %g", d->tol);
        ogi_buf_putc(out, '\n');
        if (d->n_cases) ogi_buf_printf(out, "\n```\n%s```\n", d->cases[0]);
    }
}

/* ops.def again, as text for the printed header. */
// clang-format off
#define OG_OP(ENUM, name, args, doc) { #name, #args, doc },
static const struct builder {
    const char *name, *args, *doc;
} builders[] = {
#include "oxigraph/ops.def"
};
#undef OG_OP
// clang-format on

static void print_header(ogi_buf *out)
{
    ogi_buf_puts(out,
                 "/* SPDX-License-Identifier: MIT\n"
                 " *\n"
                 " * The builders of ops, printed by `oxigraph ops --header` from ops.def, which "
                 "says what each\n"
                 " * means. Included by oxigraph/ops.h. */\n"
                 "#ifndef OXIGRAPH_BUILDERS_H\n#define OXIGRAPH_BUILDERS_H\n\n"
                 "#include \"oxigraph/ops.h\"\n\n"
                 "// clang-format off\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    for (int i = 0; i < OGI_LEN(builders); i++)
        if (ogi_op_def_of((og_op)i)->op_class != OGI_CLASS_LEAF)
            ogi_buf_printf(out, "OG_API og_tensor *og_%s%s;\n", builders[i].name, builders[i].args);
    ogi_buf_puts(out,
                 "\n#ifdef __cplusplus\n}\n#endif\n\n"
                 "/* Errors name the line that built the op: inside an expansion a macro's own "
                 "name is left alone. */\n"
                 "#ifndef OG_NO_SOURCE_LINES\n"
                 "#define OG_AT(g) og_at((g), __FILE__, __LINE__)\n");
    for (int i = 0; i < OGI_LEN(builders); i++)
        if (ogi_op_def_of((og_op)i)->op_class != OGI_CLASS_LEAF)
            ogi_buf_printf(out, "#define og_%s(g, ...) og_%s(OG_AT(g), __VA_ARGS__)\n",
                           builders[i].name, builders[i].name);
    ogi_buf_puts(out, "#endif\n// clang-format on\n\n#endif\n");
}

static int print_json(int only)
{
    json_t *list = json_array();
    for (int op = 0; op < OG_OP_COUNT; op++) {
        if (only >= 0 && op != only) continue;
        const ogi_op_def *d = ogi_op_def_of((og_op)op);
        json_t *attrs = json_array(), *cases = json_array();
        for (int i = 0; i < d->n_attr; i++) {
            json_t *a = json_pack("{s:s, s:s}", "name", d->attr[i].name, "type",
                                  attr_type(d->attr[i].kind));
            if (has_default(d->attr[i].kind))
                json_object_set_new(a, "default", json_real(d->attr[i].dflt));
            json_array_append_new(attrs, a);
        }
        for (int i = 0; i < d->n_cases; i++) json_array_append_new(cases, json_string(d->cases[i]));
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:i, s:i, s:f, s:b, s:o, s:o}", "name",
                            ogi_op_name((og_op)op), "class", class_name(d->op_class), "doc",
                            ogi_op_doc((og_op)op), "operands_min", d->n_src_min, "operands_max",
                            d->n_src_max, "tolerance", d->tol, "is_composite", d->is_composite,
                            "attributes", attrs, "cases", cases));
    }
    int status = !list || json_dumpf(list, stdout, JSON_INDENT(1)) != 0;
    putchar('\n');
    json_decref(list);
    return status;
}

int cmd_ops(int argc, char **argv)
{
    bool json = false, markdown = false, header = false;
    const cli_opt opt[] = {
        { "--json", CLI_FLAG, &json, NULL, "definitions as JSON" },
        { "--markdown", CLI_FLAG, &markdown, NULL, "all of them as docs/ops.md" },
        { "--header", CLI_FLAG, &header, NULL, "all of them as oxigraph/builders.h" },
    };
    const cli_spec spec = { "oxigraph ops [NAME] [options]",
                            "The ops that graphs are made of; one of them with its examples.",
                            opt,
                            OGI_LEN(opt),
                            0,
                            1 };
    const char *args[1];
    int n_args, op = -1, status = cli_parse(&spec, argc, argv, args, &n_args);
    if (status >= 0) return status;
    if (n_args) {
        op = ogi_op_find(ogi_sv_of(args[0]));
        if (op < 0) {
            fprintf(stderr, "oxigraph: there is no op '%s'; `oxigraph ops` lists them\n", args[0]);
            return 1;
        }
    }
    if (json) return print_json(op);
    og_ctx *ctx = cli_ctx();
    if (!ctx) return 1;
    ogi_buf out = { .ctx = ctx };
    if (op >= 0)
        print_one(&out, (og_op)op);
    else if (markdown)
        print_markdown(&out);
    else if (header)
        print_header(&out);
    else
        for (int i = 0; i < OG_OP_COUNT; i++) print_line(&out, (og_op)i);
    status = out.failed || fputs(ogi_buf_str(&out), stdout) < 0;
    ogi_buf_free(&out);
    og_ctx_free(ctx);
    return status;
}
