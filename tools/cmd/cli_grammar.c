/* SPDX-License-Identifier: MIT
 *
 * At most one constraint is taken; its source comes from the command line or a file. */
#include "tools/cmd/cli_grammar.h"

#include "base/file.h"

enum { MAX_SOURCE = 8 << 20 };

void cli_grammar_options(cli_grammar *g, cli_options *to)
{
    const cli_opt all[] = {
        { "--grammar", CLI_STR, &g->gbnf, "TEXT", "output must match this GBNF grammar" },
        { "--grammar-file", CLI_STR, &g->gbnf_file, "FILE", "the same from a file" },
        { "--json-schema", CLI_STR, &g->schema, "TEXT", "output must be JSON that validates" },
        { "--json-schema-file", CLI_STR, &g->schema_file, "FILE", "the same from a file" },
        { "--regex", CLI_STR, &g->regex, "RE", "output must match as a whole" },
        { "--format", CLI_STR, &g->format, "json", "output must be a JSON object" },
        { "--constrain-after", CLI_STR, &g->after, "TEXT",
          "the constraint begins after this text" },
    };
    cli_add(to, "constraints", all, OGI_LEN(all));
}

static og_status from_file(og_ctx *ctx, const char *path, bool is_schema,
                           const og_vocab_view *vocab, og_grammar **out)
{
    ogi_buf b = { .ctx = ctx };
    og_status s = ogi_file_read(ctx, path, MAX_SOURCE, &b);
    if (s == OG_OK)
        s = is_schema ? og_grammar_schema(ctx, ogi_buf_str(&b), b.n, vocab, out)
                      : og_grammar_gbnf(ctx, ogi_buf_str(&b), b.n, "root", vocab, out);
    ogi_buf_free(&b);
    return s;
}

int cli_grammar_compile(og_ctx *ctx, const cli_grammar *g, const og_vocab_view *vocab,
                        og_grammar **out)
{
    const char *const given[] = { g->gbnf,        g->gbnf_file, g->schema,
                                  g->schema_file, g->regex,     g->format };
    static const char json[] = "{\"type\":\"object\"}";
    int n = 0;
    *out = NULL;
    for (int i = 0; i < OGI_LEN(given); i++) n += given[i] != NULL;
    if (n > 1) return cli_usage_error("only one of --grammar, --json-schema, --regex, --format");
    if (g->format && strcmp(g->format, "json") != 0)
        return cli_usage_error("--format knows json, not '%s'", g->format);
    if (g->after && (!n || !*g->after))
        return cli_usage_error("--constrain-after wants a text and a constraint");
    og_status s = OG_OK;
    if (g->gbnf) s = og_grammar_gbnf(ctx, g->gbnf, strlen(g->gbnf), "root", vocab, out);
    if (g->gbnf_file) s = from_file(ctx, g->gbnf_file, false, vocab, out);
    if (g->schema) s = og_grammar_schema(ctx, g->schema, strlen(g->schema), vocab, out);
    if (g->schema_file) s = from_file(ctx, g->schema_file, true, vocab, out);
    if (g->regex) s = og_grammar_regex(ctx, g->regex, strlen(g->regex), vocab, out);
    if (g->format) s = og_grammar_schema(ctx, json, sizeof json - 1, vocab, out);
    return s == OG_OK ? -1 : 1;
}
