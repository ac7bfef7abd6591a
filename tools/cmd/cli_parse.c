/* SPDX-License-Identifier: MIT
 *
 * The command line: a command's own options, then those of others (cli_others.def), then the
 * nearest name; and the help. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/cmd/cli.h"
#include "tools/cmd/cli_others.h"

/* ---- help ---------------------------------------------------------------------------------- */

const char *cli_default(const cli_opt *o, char out[CLI_MAX_DEFAULT])
{
    out[0] = '\0';
    if (strstr(o->doc, "default") || !o->into) return out;
    if (o->kind == CLI_INT && *(int64_t *)o->into > 0)
        snprintf(out, CLI_MAX_DEFAULT, "%lld", (long long)*(int64_t *)o->into);
    if (o->kind == CLI_FLOAT && *(double *)o->into != 0)
        snprintf(out, CLI_MAX_DEFAULT, "%g", *(double *)o->into);
    if (o->kind == CLI_STR && *(const char **)o->into)
        snprintf(out, CLI_MAX_DEFAULT, "%s", *(const char **)o->into);
    return out;
}

/* "  -s,--seed X" and what it is for, on a line of its own where the names are long. */
static void help_option(const cli_opt *o)
{
    enum { WIDTH = 28 };
    char dflt[CLI_MAX_DEFAULT];
    int n = printf("  ") - 2;
    for (const char *p = o->name; *p; p++, n++) putchar(*p == '|' ? ',' : *p);
    if (o->arg) n += printf(" %s", o->arg);
    if (n > WIDTH) n = printf("\n  ") - 3;
    printf("%*s %s%s%s\n", WIDTH - n, "", o->doc, *cli_default(o, dflt) ? "; default " : "", dflt);
}

static void help(const cli_spec *s)
{
    static const cli_opt of_all[] = {
        { "--help", CLI_FLAG, NULL, NULL, "this text" },
        { "-v|--verbose", CLI_FLAG, NULL, NULL, "tell what is loaded, on standard error" },
        { "--log-file", CLI_STR, NULL, "FILE", "tell it and what goes wrong to the end of a log" },
    };
    printf("usage: %s\n", s->usage);
    if (s->doc) printf("\n%s\n", s->doc);
    printf("\noptions:\n");
    for (int i = 0; i < OGI_LEN(of_all); i++) help_option(&of_all[i]);
    for (int i = 0; i < s->n_opt; i++) {
        if (s->opt[i].kind == CLI_SECTION)
            printf("\n%s:\n", s->opt[i].name);
        else
            help_option(&s->opt[i]);
    }
}

/* ---- values -------------------------------------------------------------------------------- */

static int store(const cli_opt *o, const char *name, const char *value)
{
    char *end = NULL;
    errno = 0;
    switch (o->kind) {
    case CLI_SECTION: break;
    case CLI_FLAG: *(bool *)o->into = true; return -1;
    case CLI_NOFLAG: *(bool *)o->into = false; return -1;
    case CLI_STR: *(const char **)o->into = value; return -1;
    case CLI_INT: {
        long long v = strtoll(value, &end, 10);
        if (end == value || *end || errno)
            return cli_usage_error("%s wants an integer, not '%s'", name, value);
        *(int64_t *)o->into = v;
        return -1;
    }
    case CLI_FLOAT: {
        double v = strtod(value, &end);
        if (end == value || *end || isnan(v))
            return cli_usage_error("%s wants a number, not '%s'", name, value);
        *(double *)o->into = v;
        return -1;
    }
    case CLI_LIST: {
        cli_list *l = o->into;
        if (l->n == OGI_LEN(l->item))
            return cli_usage_error("%s is given more than %d times", name, l->n);
        l->item[l->n++] = value;
        return -1;
    }
    }
    return 2;
}

/* ---- parsing ------------------------------------------------------------------------------- */

/* The words of a command line, and where its arguments go. */
typedef struct parser {
    const cli_spec *spec;
    const char *command;
    char **word;
    int n_word, at; /* the word being read */
    const char **arg;
    int n_arg;
    const char *named[2]; /* arguments 1 and 2, given by an option */
} parser;

static const cli_opt *find(const cli_spec *s, const char *name, size_t n)
{
    for (int i = 0; i < s->n_opt; i++)
        if (s->opt[i].kind != CLI_SECTION && cli_has_name(s->opt[i].name, name, n))
            return &s->opt[i];
    return NULL;
}

/* The option "-n" of "-n8", if that is one with a number. */
static const cli_opt *find_glued(const cli_spec *s, const char *word)
{
    if (word[1] == '-' || !word[2] || !strchr("-.0123456789", word[2])) return NULL;
    const cli_opt *o = find(s, word, 2);
    return o && (o->kind == CLI_INT || o->kind == CLI_FLOAT) ? o : NULL;
}

static int no_option(const parser *p, const char *name, size_t n)
{
    char best[CLI_MAX_NAME] = "";
    int distance = CLI_FAR;
    cli_nearest("--help|--verbose|--log-file", name, n, best, &distance);
    for (int i = 0; i < p->spec->n_opt; i++)
        if (p->spec->opt[i].kind != CLI_SECTION)
            cli_nearest(p->spec->opt[i].name, name, n, best, &distance);
    for (int i = 0; cli_other_at(i); i++)
        if (cli_other_find(p->command, cli_other_at(i)->flags,
                           strcspn(cli_other_at(i)->flags, "|")) == cli_other_at(i))
            cli_nearest(cli_other_at(i)->flags, name, n, best, &distance);
    return *best ? cli_usage_error("no option '%.*s'; did you mean %s?", (int)n, name, best)
                 : cli_usage_error("no option '%.*s'", (int)n, name);
}

/* The value of the option at p->at: behind =, or the next word. NULL: there is none (told). */
static const char *value_of(parser *p, size_t n)
{
    const char *word = p->word[p->at];
    if (word[n] == '=') return word + n + 1;
    if (p->at + 1 < p->n_word) return p->word[++p->at];
    cli_usage_error("%s wants a value", word);
    return NULL;
}

static int take_own(parser *p, const cli_opt *o, size_t n)
{
    const char *word = p->word[p->at], *value = NULL;
    char name[CLI_MAX_NAME];
    bool is_flag = o->kind == CLI_FLAG || o->kind == CLI_NOFLAG;
    snprintf(name, sizeof name, "%.*s", (int)n, word);
    if (is_flag && word[n] == '=') return cli_usage_error("%s takes no value", name);
    if (!is_flag && !(value = value_of(p, n))) return 2;
    return store(o, name, value);
}

static int name_argument(parser *p, const cli_other *o, size_t n)
{
    const char **to = &p->named[o->text[0] - '1'], *word = p->word[p->at];
    if (*to) return cli_usage_error("%s is given twice", word);
    *to = value_of(p, n);
    return *to ? -1 : 2;
}

/* A switch takes the word behind it only if that can be its value. */
static int skip_needless(parser *p, const cli_other *o, size_t n)
{
    static const char values[] = "on|off|auto|0|1|true|false";
    const char *word = p->word[p->at], *next = p->at + 1 < p->n_word ? p->word[p->at + 1] : "";
    if (o->takes == CLI_TAKES_VALUE && !value_of(p, n)) return 2;
    if (o->takes == CLI_TAKES_SWITCH && !word[n] && cli_has_name(values, next, strlen(next)))
        p->at++;
    fprintf(stderr, "oxigraph: %.*s does nothing here: %s\n", (int)n, word, o->text);
    return -1;
}

/* The options of all commands. */
static bool take_common(parser *p, size_t n, int *status)
{
    const char *word = p->word[p->at], *path;
    *status = -1;
    if (cli_has_name("-v|--verbose", word, n)) {
        cli_be_verbose();
        return true;
    }
    if (!cli_has_name("--log-file", word, n)) return false;
    path = value_of(p, n);
    *status = path ? cli_log_to(path) : 2;
    return true;
}

static int take_option(parser *p)
{
    const char *word = p->word[p->at];
    size_t n = strcspn(word, "=");
    int status;
    const cli_opt *own = find(p->spec, word, n);
    if (own) return take_own(p, own, n);
    if (take_common(p, n, &status)) return status;
    const cli_other *other = cli_other_find(p->command, word, n);
    if (!other) {
        own = find_glued(p->spec, word);
        return own ? store(own, (char[]){ word[0], word[1], 0 }, word + 2) : no_option(p, word, n);
    }
    switch (other->kind) {
    case CLI_OTHER_HINT: return cli_usage_error("%.*s: %s", (int)n, word, other->text);
    case CLI_OTHER_NEEDLESS: return skip_needless(p, other, n);
    case CLI_OTHER_SAME: break;
    }
    if (other->text[0] != '-') return name_argument(p, other, n);
    own = find(p->spec, other->text, strlen(other->text));
    return own ? take_own(p, own, n) : no_option(p, word, n);
}

static int add_argument(parser *p, const char *word)
{
    if (p->n_arg == p->spec->max_args) return cli_usage_error("one argument too many: '%s'", word);
    p->arg[p->n_arg++] = word;
    return -1;
}

/* Arguments that were named go to their places; those behind them move on. */
static int place_named(parser *p)
{
    for (int i = 0; i < OGI_LEN(p->named); i++) {
        if (!p->named[i]) continue;
        int status = add_argument(p, p->named[i]);
        if (status >= 0) return status;
        for (int k = p->n_arg - 1; k > i; k--) p->arg[k] = p->arg[k - 1];
        if (i < p->n_arg) p->arg[i] = p->named[i];
    }
    return -1;
}

/* Status 1, as for every file that cannot be read. */
static int check_model(const parser *p)
{
    bool reads_folders = !strcmp(p->command, "tokenize");
    if (!p->n_arg || !strstr(p->spec->usage, " MODEL") || strstr(p->spec->usage, "MODEL|FILE"))
        return -1;
    const char *hint = cli_model_hint(p->arg[0], reads_folders);
    if (!hint) return -1;
    fprintf(stderr, "oxigraph: %s: %s\n", p->arg[0], hint);
    return 1;
}

int cli_parse(const cli_spec *s, int argc, char **argv, const char **args, int *n_args)
{
    parser p = {
        .spec = s, .command = argv[0], .word = argv, .n_word = argc, .at = 1, .arg = args
    };
    bool only_args = false;
    int status = -1;
    for (; p.at < argc && status < 0; p.at++) {
        const char *word = argv[p.at];
        if (only_args || word[0] != '-' || !word[1]) {
            status = add_argument(&p, word);
        } else if (!strcmp(word, "--")) {
            only_args = true;
        } else if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
            help(s);
            status = 0;
        } else if (!strcmp(word, "--help-json")) {
            status = cli_describe(s);
        } else {
            status = take_option(&p);
        }
    }
    if (status < 0) status = place_named(&p);
    *n_args = p.n_arg;
    if (status < 0 && p.n_arg < s->min_args)
        status = cli_usage_error("an argument is missing; usage: %s", s->usage);
    return status < 0 ? check_model(&p) : status;
}
