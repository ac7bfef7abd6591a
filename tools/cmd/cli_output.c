/* SPDX-License-Identifier: MIT
 *
 * Outputs of commands. While one is open, the signals that end a program only set a flag: the next
 * piece is refused, the command unwinds, and cli_output_end() raises the signal again. */
#include "tools/cmd/cli_output.h"

#include <errno.h>
#include <stdio.h>

#include "tools/cmd/cli.h"

static const int ending[CLI_ENDING_SIGNALS] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static volatile sig_atomic_t told_to_end; /* the signal */

static void on_end(int sig)
{
    told_to_end = sig;
}

og_status cli_output_check(og_ctx *ctx, const char *path, const char *input)
{
    if (strcmp(path, "-") != 0 && ogi_file_is_same(path, input))
        OG_FAIL(ctx, OG_E_INVALID,
                "%s: is read by this command and cannot be its output; name another file", path);
    return OG_OK;
}

og_status cli_output_begin(og_ctx *ctx, const char *path, const ogi_gguf *input, cli_output *out)
{
    struct sigaction act = { .sa_handler = on_end };
    for (int i = 0; input && ogi_gguf_part_path(input, i); i++)
        OG_TRY(cli_output_check(ctx, path, ogi_gguf_part_path(input, i)));
    fflush(stdout); /* it may be the file */
    og_status st = ogi_file_begin(ctx, path, 0644, &out->file);
    if (st != OG_OK) {
        ogi_file_discard(&out->file);
        return st;
    }
    told_to_end = 0;
    for (int i = 0; i < CLI_ENDING_SIGNALS; i++) {
        sigaction(ending[i], NULL, &out->old[i]);
        if (out->old[i].sa_handler != SIG_IGN) sigaction(ending[i], &act, NULL); /* else: nohup */
    }
    return OG_OK;
}

og_status cli_output_put(cli_output *o, const void *data, size_t n)
{
    if (told_to_end) return OG_E_CANCELLED;
    og_status st = ogi_file_put(&o->file, data, n);
    if (st != OG_OK && o->file.err == EPIPE) cli_no_reader();
    return st;
}

og_status cli_output_end(cli_output *o, og_status st)
{
    int sig = told_to_end;
    if (st == OG_OK && !sig)
        st = ogi_file_commit(&o->file);
    else
        ogi_file_discard(&o->file);
    for (int i = 0; i < CLI_ENDING_SIGNALS; i++) sigaction(ending[i], &o->old[i], NULL);
    if (sig) raise(sig);
    return st;
}

og_status cli_output_write(og_ctx *ctx, const char *path, const ogi_gguf *input, const ogi_buf *b)
{
    cli_output o;
    OG_TRY(cli_output_begin(ctx, path, input, &o));
    return cli_output_end(&o, cli_output_put(&o, ogi_buf_str(b), b->n));
}
