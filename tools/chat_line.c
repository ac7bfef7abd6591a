/* SPDX-License-Identifier: MIT */
#include "tools/chat_line.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <sys/select.h>
#include <unistd.h>
#include <wchar.h>

#ifdef OG_HAVE_EDIT
#include <histedit.h>
#endif
#include "tools/chat.h"

enum { MAX_MESSAGE = 16 << 20 };

struct chat_line {
    og_ctx *ctx;
    bool is_terminal, is_more; /* is_more: inside a block */
#ifdef OG_HAVE_EDIT
    EditLine *edit;
    History *history;
#endif
};

#ifdef OG_HAVE_EDIT
static char *prompt(EditLine *e)
{
    static char first[] = "> ", more[] = ". ";
    void *l = NULL;
    el_get(e, EL_CLIENTDATA, &l);
    return ((chat_line *)l)->is_more ? more : first;
}

/* Waits for a byte; false after Ctrl-C, also one that came before. */
static bool wait_byte(void)
{
    sigset_t block, old;
    fd_set in;
    int n;
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigprocmask(SIG_BLOCK, &block, &old);
    do {
        FD_ZERO(&in);
        FD_SET(STDIN_FILENO, &in);
        n = run_is_interrupted() ? 0 : pselect(STDIN_FILENO + 1, &in, NULL, NULL, NULL, &old);
    } while (n < 0 && errno == EINTR);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return n != 0;
}

/* One character; unlike libedit's own reader it ends at the first Ctrl-C. */
static int get_char(EditLine *e, wchar_t *out)
{
    mbstate_t state = { 0 };
    (void)e;
    for (;;) {
        char c;
        ssize_t n = wait_byte() ? read(STDIN_FILENO, &c, 1) : -1;
        if (n < 0 && errno == EINTR && !run_is_interrupted()) continue;
        if (n <= 0) return (int)n;
        size_t used = mbrtowc(out, &c, 1, &state);
        if (used == (size_t)-2) continue;
        if (used == (size_t)-1) *out = 0xfffd;
        return 1;
    }
}

static og_status open_edit(chat_line *l)
{
    HistEvent ev;
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1) setlocale(LC_CTYPE, "C.UTF-8");
    l->edit = el_init("oxigraph", stdin, isatty(STDOUT_FILENO) ? stdout : stderr, stderr);
    l->history = history_init();
    if (!l->edit || !l->history) OG_FAIL(l->ctx, OG_E_MEMORY, "out of memory for the line editor");
    history(l->history, &ev, H_SETSIZE, 500);
    history(l->history, &ev, H_SETUNIQUE, 1);
    el_set(l->edit, EL_CLIENTDATA, l);
    el_set(l->edit, EL_PROMPT, prompt);
    el_set(l->edit, EL_EDITOR, "emacs");
    el_set(l->edit, EL_GETCFN, get_char);
    el_set(l->edit, EL_HIST, history, l->history);
    return OG_OK;
}

static og_status edit_line(chat_line *l, ogi_buf *out, chat_got *got)
{
    struct sigaction old;
    HistEvent ev;
    int n = 0;
    run_catch_interrupt(&old);
    const char *line = el_gets(l->edit, &n);
    sigaction(SIGINT, &old, NULL);
    *got = run_is_interrupted() ? CHAT_INTERRUPT : line && n > 0 ? CHAT_TEXT : CHAT_END;
    if (*got != CHAT_TEXT) {
        fprintf(stderr, "\n");
        return OG_OK;
    }
    if (line[0] != '\n') history(l->history, &ev, H_ENTER, line);
    ogi_buf_add(out, line, (size_t)n - (line[n - 1] == '\n'));
    return OG_OK;
}
#endif

static og_status plain_line(chat_line *l, ogi_buf *out, chat_got *got)
{
    int c;
    size_t start = out->n;
    if (l->is_terminal) fprintf(stderr, "%s", l->is_more ? ". " : "> ");
    while ((c = getchar()) != EOF && c != '\n') {
        if (out->n == MAX_MESSAGE) OG_FAIL(l->ctx, OG_E_LIMIT, "a message is over 16 MiB");
        ogi_buf_putc(out, (char)c);
    }
    *got = c == EOF && out->n == start ? CHAT_END : CHAT_TEXT;
    return OG_OK;
}

static og_status read_line(chat_line *l, ogi_buf *out, chat_got *got)
{
#ifdef OG_HAVE_EDIT
    og_status st = l->edit ? edit_line(l, out, got) : plain_line(l, out, got);
#else
    og_status st = plain_line(l, out, got);
#endif
    OG_TRY(st);
    if (out->failed) OG_FAIL(l->ctx, OG_E_MEMORY, "out of memory for a message");
    if (out->n > MAX_MESSAGE) OG_FAIL(l->ctx, OG_E_LIMIT, "a message is over 16 MiB");
    return OG_OK;
}

static bool ends_block(const ogi_buf *b, size_t start)
{
    return b->n >= start + 3 && !memcmp(b->p + b->n - 3, "\"\"\"", 3);
}

og_status chat_line_read(chat_line *l, ogi_buf *out, chat_got *got)
{
    out->n = 0;
    l->is_more = false;
    OG_TRY(read_line(l, out, got));
    if (*got != CHAT_TEXT || out->n < 3 || memcmp(out->p, "\"\"\"", 3) != 0) return OG_OK;
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

og_status chat_line_new(og_ctx *ctx, chat_line **out)
{
    chat_line *l = *out = OGI_NEW(ctx, chat_line);
    if (!l) return OG_E_MEMORY;
    l->ctx = ctx;
    l->is_terminal = isatty(STDIN_FILENO);
#ifdef OG_HAVE_EDIT
    if (l->is_terminal) return open_edit(l);
#endif
    return OG_OK;
}

void chat_line_free(chat_line *l)
{
    if (!l) return;
#ifdef OG_HAVE_EDIT
    if (l->history) history_end(l->history);
    if (l->edit) el_end(l->edit);
#endif
    ogi_free(l->ctx, l);
}

bool chat_line_is_terminal(const chat_line *l)
{
    return l->is_terminal;
}
