/* SPDX-License-Identifier: MIT
 *
 * One option for each key of oxigraph/sampler.h, in the order of its table, with the further names
 * that others use. */
#include "tools/cmd/cli_sampler.h"

#include <stdio.h>

#include "text/sampler/gguf.h"
#include "tools/cmd/cli_others.h"

/* Further names of options that others know them by. */
static const struct {
    const char *key, *names;
} other_name[] = {
    { "seed", "-s" },
    { "temp", "--temperature" },
    { "typical_p", "--typical" },
    { "dynatemp_exponent", "--dynatemp-exp" },
    { "penalty_last_n", "--repeat-last-n" },
    { "penalty_repeat", "--repeat-penalty" },
    { "penalty_freq", "--frequency-penalty" },
    { "penalty_present", "--presence-penalty" },
    { "mirostat_tau", "--mirostat-ent" },
    { "mirostat_eta", "--mirostat-lr" },
};

static const struct {
    const char *key, *dflt, *doc;
} field[] = {
#define F(name, type, def, doc) { #name, #def, doc },
    OG_SAMPLER_FIELDS(F)
#undef F
};

/* "--top-k" or "-s|--seed" into s->name[i]. */
static void spell(cli_sampler *s, int i)
{
    char *to = s->name[i];
    snprintf(to, CLI_SAMPLER_NAME, "--%s", field[i].key);
    for (char *p = to; *p; p++)
        if (*p == '_') *p = '-';
    for (int k = 0; k < OGI_LEN(other_name); k++) {
        size_t n = strlen(to);
        if (!strcmp(other_name[k].key, field[i].key))
            snprintf(to + n, CLI_SAMPLER_NAME - n, "|%s", other_name[k].names);
    }
}

/* The meaning with its default, as a user writes it: 0.8 for 0.8f, no names of constants. */
static void describe(cli_sampler *s, int i)
{
    const char *dflt = field[i].dflt;
    size_t n = strlen(dflt);
    if (n && strchr(dflt, '.') && dflt[n - 1] == 'f') n--;
    if (strchr(dflt, '_')) n = 0;
    snprintf(s->doc[i], CLI_SAMPLER_DOC, "%s%s%.*s", field[i].doc, n ? "; default " : "", (int)n,
             dflt);
}

void cli_sampler_options(cli_sampler *s, cli_options *to)
{
    _Static_assert(OGI_LEN(field) <= CLI_SAMPLER_FIELDS, "more fields than places for them");
    const cli_opt fixed[] = {
        { "--config", CLI_STR, &s->config, "FILE", "sampling options from a JSON or TOML file" },
        { "--samplers", CLI_STR, &s->samplers, "A;B;...", "the filters in their order" },
        { "--dry-sequence-breaker", CLI_LIST, &s->breaker, "TEXT",
          "ends a repetition for DRY; the first replaces the defaults, 'none' is none" },
        { "--logit-bias", CLI_LIST, &s->bias, "ID=X", "adds X to a token's logit" },
    };
    cli_add(to, "sampling", fixed, OGI_LEN(fixed));
    for (int i = 0; i < OGI_LEN(field); i++) {
        if (!strcmp(field[i].key, "n_ctx")) continue; /* the command's own -c */
        spell(s, i);
        describe(s, i);
        const cli_opt o = { s->name[i], CLI_STR, &s->value[i], "X", s->doc[i] };
        cli_add(to, NULL, &o, 1);
    }
}

void cli_sampler_key(const char *name, char key[static CLI_SAMPLER_NAME])
{
    char flag[CLI_SAMPLER_NAME];
    snprintf(flag, sizeof flag, "%s%s", name[1] ? "--" : "-", name);
    for (char *p = flag + 2; *p; p++)
        if (*p == '_') *p = '-';
    snprintf(key, CLI_SAMPLER_NAME, "%s", name);
    for (char *p = key; *p; p++)
        if (*p == '-') *p = '_';
    for (int i = 0; i < OGI_LEN(other_name); i++)
        if (cli_has_name(other_name[i].names, flag, strlen(flag)))
            snprintf(key, CLI_SAMPLER_NAME, "%s", other_name[i].key);
}

static og_status apply_flags(og_ctx *ctx, const cli_sampler *s, og_sampler_config *c)
{
    for (int i = 0; i < OGI_LEN(field); i++)
        if (s->value[i]) OG_TRY(og_sampler_config_set(ctx, c, field[i].key, s->value[i]));
    if (s->samplers) OG_TRY(og_sampler_config_set(ctx, c, "samplers", s->samplers));
    if (s->breaker.n) c->n_dry_breaker = 0;
    for (int i = 0; i < s->breaker.n; i++)
        OG_TRY(og_sampler_config_set(ctx, c, "dry_sequence_breaker", s->breaker.item[i]));
    for (int i = 0; i < s->bias.n; i++)
        OG_TRY(og_sampler_config_set(ctx, c, "logit_bias", s->bias.item[i]));
    return OG_OK;
}

int cli_sampler_config(og_ctx *ctx, const cli_sampler *s, const ogi_gguf *model,
                       og_sampler_config *out)
{
    og_sampler_config_init(out);
    if ((model && ogi_sampler_config_gguf(ctx, model, out) != OG_OK) ||
        (s->config && og_sampler_config_file(ctx, out, s->config) != OG_OK)) {
        fprintf(stderr, "oxigraph: %s\n", og_error(ctx));
        return 1;
    }
    if (apply_flags(ctx, s, out) != OG_OK) return cli_usage_error("%s", og_error(ctx));
    return -1;
}
