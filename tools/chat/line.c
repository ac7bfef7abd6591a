/* SPDX-License-Identifier: MIT
 *
 * Lines and blocks of them, from a terminal or a pipe. A message has a largest size; beyond it
 * input is refused, never cut. */
#include "tools/chat/line.h"

#include <stdio.h>
#include <unistd.h>

#include "tools/chat/edit.h"
#include "tools/chat/line_history.h"

struct chat_line {
    og_ctx *ctx;
    bool is_terminal, is_more; /* is_more: inside a block */
    ogi_buf history;           /* path of the file */
    chat_edit *edit;           /* NULL: not a terminal, or built without libedit */
};

static const char *prompt(const chat_line *l)
{
    return l->is_more ? ". " : "> ";
}

static og_status plain_line(chat_line *l, ogi_buf *out, chat_got *got)
{
    int c;
    size_t start = out->n;
    if (l->is_terminal) fprintf(stderr, "%s", prompt(l));
    while ((c = getchar()) != EOF && c != '\n') {
        if (out->n == CHAT_MAX_MESSAGE) OG_FAIL(l->ctx, OG_E_LIMIT, "a message is over 16 MiB");
        ogi_buf_putc(out, (char)c);
    }
    *got = c == EOF && out->n == start ? CHAT_END : CHAT_TEXT;
    return OG_OK;
}

static og_status read_line(chat_line *l, ogi_buf *out, chat_got *got)
{
    og_status st = l->edit ? chat_edit_line(l->edit, prompt(l), out, got) : plain_line(l, out, got);
    OG_TRY(st);
    if (out->failed) OG_FAIL(l->ctx, OG_E_MEMORY, "out of memory for a message");
    if (out->n > CHAT_MAX_MESSAGE) OG_FAIL(l->ctx, OG_E_LIMIT, "a message is over 16 MiB");
    return OG_OK;
}

static bool ends_block(const ogi_buf *b, size_t start)
{
    return b->n >= start + 3 && !memcmp(b->p + b->n - 3, "\"\"\"", 3);
}

/* A backslash at the end stands for the line end behind it. */
static og_status read_continued(chat_line *l, ogi_buf *out, chat_got *got)
{
    l->is_more = true;
    while (out->n && out->p[out->n - 1] == '\\') {
        out->p[out->n - 1] = '\n';
        OG_TRY(read_line(l, out, got));
        if (*got == CHAT_INTERRUPT) return OG_OK;
        if (*got == CHAT_END) break; /* what there is, is the message */
    }
    *got = CHAT_BLOCK;
    return OG_OK;
}

og_status chat_line_read(chat_line *l, ogi_buf *out, chat_got *got)
{
    out->n = 0;
    l->is_more = false;
    OG_TRY(read_line(l, out, got));
    if (*got != CHAT_TEXT) return OG_OK;
    if (out->n < 3 || memcmp(out->p, "\"\"\"", 3) != 0) {
        if (out->n && out->p[out->n - 1] == '\\') return read_continued(l, out, got);
        if (out->n && memchr(out->p, '\n', out->n)) *got = CHAT_BLOCK; /* pasted */
        return OG_OK;
    }
    l->is_more = true;
    size_t start = 3; /* of the line just read, without what opens the block */
    while (!ends_block(out, start)) {
        ogi_buf_putc(out, '\n');
        start = out->n;
        OG_TRY(read_line(l, out, got));
        if (*got == CHAT_INTERRUPT) return OG_OK;
        if (*got == CHAT_END) { /* the end of input closes the block */
            out->n--;
            ogi_buf_puts(out, "\"\"\"");
            start = 3;
        }
    }
    *got = CHAT_BLOCK;
    size_t begin = 3 + (out->n > 6 && out->p[3] == '\n'), end = out->n - 3;
    end -= end > begin && out->p[end - 1] == '\n';
    memmove(out->p, out->p + begin, end - begin);
    out->n = end - begin;
    out->p[out->n] = 0;
    return OG_OK;
}

og_status chat_line_new(og_ctx *ctx, bool has_history, const char *const *commands, chat_line **out)
{
    chat_line *l = *out = OGI_NEW(ctx, chat_line);
    if (!l) return OG_E_MEMORY;
    l->ctx = l->history.ctx = ctx;
    l->is_terminal = isatty(STDIN_FILENO);
    if (!l->is_terminal) return OG_OK;
    has_history = has_history && line_history_path(&l->history);
    og_status st = chat_edit_new(ctx, has_history ? l->history.p : NULL, commands, &l->edit);
    return st == OG_E_UNSUPPORTED ? OG_OK : st;
}

void chat_line_free(chat_line *l)
{
    if (!l) return;
    chat_edit_free(l->edit);
    ogi_buf_free(&l->history);
    ogi_free(l->ctx, l);
}

bool chat_line_is_terminal(const chat_line *l)
{
    return l->is_terminal;
}
