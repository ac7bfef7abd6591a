/* SPDX-License-Identifier: MIT
 *
 * What --help says, as JSON: tools/manual prints the manual pages, the shells' completions and the
 * list in the README from it, so that they say what the program does. */
#include <jansson.h>
#include <stdio.h>

#include "tools/cmd/cli.h"

static const char *kind_name(cli_kind k)
{
    switch (k) {
    case CLI_FLAG:
    case CLI_NOFLAG: return "flag";
    case CLI_INT: return "integer";
    case CLI_FLOAT: return "number";
    case CLI_STR: return "text";
    case CLI_LIST: return "list";
    case CLI_SECTION: return "section";
    }
    return "";
}

static json_t *option(const cli_opt *o)
{
    if (o->kind == CLI_SECTION)
        return json_pack("{s:[s], s:s}", "names", o->name, "kind", kind_name(o->kind));
    json_t *names = json_array();
    char dflt[CLI_MAX_DEFAULT];
    for (const char *p = o->name; *p;) {
        size_t n = strcspn(p, "|");
        json_array_append_new(names, json_stringn(p, n));
        p += n + (p[n] == '|');
    }
    cli_default(o, dflt);
    return json_pack("{s:o, s:s, s:s*, s:s*, s:s*}", "names", names, "kind", kind_name(o->kind),
                     "arg", o->arg, "doc", o->doc, "default", *dflt ? dflt : NULL);
}

int cli_print_json(void *json)
{
    int status = !json || json_dumpf(json, stdout, JSON_INDENT(1)) != 0;
    putchar('\n');
    json_decref(json);
    return status;
}

int cli_describe(const cli_spec *s)
{
    json_t *list = json_array();
    for (int i = 0; i < s->n_opt; i++) json_array_append_new(list, option(&s->opt[i]));
    return cli_print_json(json_pack("{s:s, s:s*, s:i, s:i, s:o}", "usage", s->usage, "doc", s->doc,
                                    "min_args", s->min_args, "max_args", s->max_args, "options",
                                    list));
}
