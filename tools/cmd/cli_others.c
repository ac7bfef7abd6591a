/* SPDX-License-Identifier: MIT
 *
 * The table of others' flags, and distances of names. */
#include "tools/cmd/cli_others.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// clang-format off
static const cli_other table[] = {
#define SAME(commands, flags, ours) { CLI_OTHER_SAME, CLI_TAKES_NO, commands, flags, ours },
#define NEEDLESS(commands, flags, takes, note)                                                     \
    { CLI_OTHER_NEEDLESS, CLI_TAKES_##takes, commands, flags, note },
#define HINT(commands, flags, hint) { CLI_OTHER_HINT, CLI_TAKES_NO, commands, flags, hint },
#define COMMAND_HINT(names, hint)
#include "tools/cmd/cli_others.def"
#undef SAME
#undef NEEDLESS
#undef HINT
#undef COMMAND_HINT
};

static const struct {
    const char *names, *hint;
} hints[] = {
#define SAME(commands, flags, ours)
#define NEEDLESS(commands, flags, takes, note)
#define HINT(commands, flags, hint)
#define COMMAND_HINT(names, hint) { names, hint },
#include "tools/cmd/cli_others.def"
#undef SAME
#undef NEEDLESS
#undef HINT
#undef COMMAND_HINT
};
// clang-format on

static bool is_listed(const char *list, char sep, const char *name, size_t n)
{
    for (const char *p = list; *p;) {
        const char *end = strchr(p, sep);
        size_t len = end ? (size_t)(end - p) : strlen(p);
        if (len == n && !memcmp(p, name, n)) return true;
        p += len + (end != NULL);
    }
    return false;
}

bool cli_has_name(const char *names, const char *arg, size_t n)
{
    return is_listed(names, '|', arg, n);
}

const cli_other *cli_other_at(int i)
{
    return i < OGI_LEN(table) ? &table[i] : NULL;
}

const cli_other *cli_other_find(const char *command, const char *flag, size_t n)
{
    for (int i = 0; i < OGI_LEN(table); i++) {
        const cli_other *o = &table[i];
        bool is_here =
            !strcmp(o->commands, "*") || is_listed(o->commands, ' ', command, strlen(command));
        if (is_here && cli_has_name(o->flags, flag, n)) return o;
    }
    return NULL;
}

const char *cli_command_hint(const char *name)
{
    for (int i = 0; i < OGI_LEN(hints); i++)
        if (cli_has_name(hints[i].names, name, strlen(name))) return hints[i].hint;
    return NULL;
}

const char *cli_model_hint(const char *path, bool may_be_folder)
{
    struct stat st;
    char config[4096];
    bool exists = !stat(path, &st);
    if (strstr(path, "://"))
        return "nothing is downloaded: fetch the GGUF file (curl -LO URL), then give its path";
    snprintf(config, sizeof config, "%s/config.json", path);
    if (exists && S_ISDIR(st.st_mode) && !may_be_folder && !access(config, F_OK))
        return "a Hugging Face folder: models are read from GGUF files, which its publisher or "
               "llama.cpp's convert_hf_to_gguf.py makes";
    if (!exists && !strstr(path, ".gguf") && (strchr(path, ':') || !strchr(path, '/')))
        return "there is no such file: MODEL is the path of a GGUF file, not a name of a registry";
    return NULL;
}

/* Letters to insert, delete, replace or swap with the next one, to make b of a. Three rows of the
 * table are kept: row i holds the distances of a's first i letters. */
static int distance_of(const char *a, size_t n_a, const char *b, size_t n_b)
{
    int row[3][CLI_MAX_NAME + 1];
    if (n_a > CLI_MAX_NAME || n_b > CLI_MAX_NAME) return CLI_FAR;
    for (size_t k = 0; k <= n_b; k++) row[0][k] = (int)k;
    for (size_t i = 1; i <= n_a; i++) {
        int *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t k = 1; k <= n_b; k++) {
            now[k] =
                OGI_MIN(last[k - 1] + (a[i - 1] != b[k - 1]), OGI_MIN(last[k], now[k - 1]) + 1);
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                now[k] = OGI_MIN(now[k], before[k - 2] + 1);
        }
    }
    return row[n_a % 3][n_b];
}

void cli_nearest(const char *names, const char *typed, size_t n, char best[static CLI_MAX_NAME],
                 int *distance)
{
    while (*names) {
        size_t len = strcspn(names, "|");
        size_t dashes = strspn(names, "-");
        /* One letter in three may be wrong; a name of one letter is no mistyped one. */
        int d = distance_of(typed, n, names, len), most = (int)(len - dashes + 2) / 3;
        bool is_prefix = n < len && n > dashes + 1 && !memcmp(typed, names, n);
        if (is_prefix) d = OGI_MIN(d, 1);
        if (len - dashes > 1 && len < CLI_MAX_NAME && d <= most && d < *distance) {
            *distance = d;
            memcpy(best, names, len);
            best[len] = 0;
        }
        names += len + (names[len] == '|');
    }
}
