/* SPDX-License-Identifier: MIT
 *
 * The oxigraph program: finds the subcommand and runs it. Each subcommand is one file,
 * tools/cmd/NAME.c, and one line in commands.def. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "backends/backend.h"
#include "tools/cmd/build_id.h"
#include "tools/cmd/cli.h"
#include "tools/cmd/cli_others.h"
#include "tools/cmd/cli_plugin.h"

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *doc;
} command;

// clang-format off
static const command commands[] = {
#define COMMAND(name, doc) { #name, cmd_##name, doc },
#include "tools/cmd/commands.def"
#undef COMMAND
};
// clang-format on

static void usage(FILE *f)
{
    fprintf(f, "usage: oxigraph COMMAND [options]\n\ncommands:\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(f, "  %-12s %s\n", commands[i].name, commands[i].doc);
    fprintf(f, "\n--arch FILE.so, for every command: an architecture from outside.\n");
    fprintf(f, "`oxigraph help COMMAND` tells its options; `oxigraph --version` what this "
               "machine offers (--json).\n");
}

/* What this binary is, and what it finds on this machine. */
static int version(bool json)
{
    char build[80];
    json_t *list = json_array();
    og_ctx *ctx = cli_ctx();
    build_id(build, sizeof build);
    if (!json) printf("oxigraph %s\n%-8s %s\n", OG_VERSION, "build", *build ? build : "unknown");
    for (int i = 0; ctx && ogi_backend_at(i); i++) {
        const char *name = ogi_backend_at(i)->name;
        ogi_buf what = { .ctx = ctx };
        bool found = ogi_backend_at(i)->describe(ctx, &what);
        if (!json) printf("%-8s %s%s\n", name, found ? "" : "none: ", ogi_buf_str(&what));
        json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "name", name, "found", found,
                                              "what", ogi_buf_str(&what)));
        ogi_buf_free(&what);
    }
    json_t *all =
        json_pack("{s:s, s:s, s:O}", "version", OG_VERSION, "build", build, "devices", list);
    int status = !ctx || !all || (json && json_dumpf(all, stdout, JSON_INDENT(1)));
    if (json) putchar('\n');
    json_decref(all);
    json_decref(list);
    og_ctx_free(ctx);
    return status;
}

static int show_version(int argc, char **argv)
{
    bool json = argc == 3 && !strcmp(argv[2], "--json");
    return argc == 2 || json ? version(json)
                             : cli_usage_error("--version takes --json alone, not '%s'", argv[2]);
}

static const command *find(const char *name)
{
    for (int i = 0; i < OGI_LEN(commands); i++)
        if (!strcmp(name, commands[i].name)) return &commands[i];
    return NULL;
}

static int no_command(const char *name)
{
    char best[CLI_MAX_NAME] = "";
    int distance = CLI_FAR;
    const char *hint = cli_command_hint(name);
    cli_nearest("help", name, strlen(name), best, &distance);
    for (int i = 0; i < OGI_LEN(commands); i++)
        cli_nearest(commands[i].name, name, strlen(name), best, &distance);
    fprintf(stderr, "oxigraph: no command '%s'", name);
    if (hint)
        fprintf(stderr, ": %s\n", hint);
    else if (*best)
        fprintf(stderr, "; did you mean %s?\n", best);
    else
        fprintf(stderr, "; `oxigraph --help` lists them\n");
    return 2;
}

static int help_of(char *name)
{
    const command *c = find(name);
    char *argv[] = { name, (char[]){ "--help" }, NULL };
    return c ? c->run(2, argv) : no_command(name);
}

/* The commands, for tools/manual. */
static int describe(void)
{
    json_t *list = json_array();
    for (int i = 0; i < OGI_LEN(commands); i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "name", commands[i].name, "doc", commands[i].doc));
    return cli_print_json(json_pack("{s:s, s:o}", "version", OG_VERSION, "commands", list));
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (!strcmp(argv[1], "help") && argc > 2) return help_of(argv[2]);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        usage(stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "version"))
        return show_version(argc, argv);
    if (!strcmp(argv[1], "--help-json")) return describe();
    const command *c = find(argv[1]);
    return c ? c->run(argc - 1, argv + 1) : no_command(argv[1]);
}

int main(int argc, char **argv)
{
    cli_begin();
    int status = cli_plugins_open(&argc, argv);
    return cli_end(status < 0 ? dispatch(argc, argv) : status);
}
