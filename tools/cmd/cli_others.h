/* SPDX-License-Identifier: MIT
 *
 * What users of other programs type (cli_others.def), and the nearest name to a mistyped one. */
#ifndef OG_TOOLS_CMD_CLI_OTHERS_H
#define OG_TOOLS_CMD_CLI_OTHERS_H

#include "base/ctx.h"

typedef enum cli_other_kind { CLI_OTHER_SAME, CLI_OTHER_NEEDLESS, CLI_OTHER_HINT } cli_other_kind;
typedef enum cli_takes { CLI_TAKES_NO, CLI_TAKES_VALUE, CLI_TAKES_SWITCH } cli_takes;

typedef struct cli_other {
    cli_other_kind kind;
    cli_takes takes; /* of NEEDLESS */
    const char *commands, *flags;
    const char *text; /* our option, the note or the hint */
} cli_other;

/* What the n bytes at flag are to others in this command; NULL: nothing. */
const cli_other *cli_other_find(const char *command, const char *flag, size_t n);
/* All rows; NULL behind the last. */
const cli_other *cli_other_at(int i);
/* What to do instead of a command of others; NULL: nothing is known. */
const char *cli_command_hint(const char *name);

/* What is wrong with a MODEL that is no file here but would be something elsewhere; NULL: nothing
 * that we know. may_be_folder: the command reads Hugging Face folders. */
const char *cli_model_hint(const char *path, bool may_be_folder);

/* Does one of the |-separated names equal the n bytes at arg? */
bool cli_has_name(const char *names, const char *arg, size_t n);
/* Keeps the nearest of the |-separated names to typed in *best, with its distance; start with
 * NULL and CLI_FAR. Only names that can be meant count. */
enum { CLI_FAR = 1000, CLI_MAX_NAME = 48 };
void cli_nearest(const char *names, const char *typed, size_t n, char best[static CLI_MAX_NAME],
                 int *distance);

#endif
