/* SPDX-License-Identifier: MIT
 *
 * libedit on the user's terminal. Modes are set for a line only and put back on every way out,
 * signals included; between lines the terminal keeps what is typed. */
#define _XOPEN_SOURCE 700 /* wcwidth */
#include "tools/chat/edit.h"

#ifndef OG_HAVE_EDIT

og_status chat_edit_new(og_ctx *ctx, const char *history, const char *const *commands,
                        chat_edit **out)
{
    (void)ctx, (void)history, (void)commands;
    *out = NULL;
    return OG_E_UNSUPPORTED;
}
void chat_edit_free(chat_edit *e)
{
    (void)e;
}
og_status chat_edit_line(chat_edit *e, const char *prompt, ogi_buf *out, chat_got *got)
{
    (void)e, (void)prompt, (void)out, (void)got;
    return OG_E_UNSUPPORTED;
}

#else

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "tools/chat/chat.h"
#include "tools/chat/edit_keys.h"
#include "tools/chat/line_history.h"

struct chat_edit {
    og_ctx *ctx;
    EditLine *edit;
    History *past;
    FILE *out;
    const char *prompt, *history; /* history: NULL: not kept */
    wchar_t *pasted;
    int64_t n_pasted, pasted_cap;
    edit_keys keys;
    bool is_ansi; /* the terminal knows control sequences */
};

/* ---- signals ------------------------------------------------------------------------------- */

static volatile sig_atomic_t window_changed; /* or the program was stopped and continued */
static volatile sig_atomic_t is_bracketing;
static struct termios at_start;
static const char brackets_on[] = "\033[?2004h", brackets_off[] = "\033[?2004l";

static void on_change(int sig)
{
    (void)sig;
    window_changed = 1;
}

/* Killed: the terminal shows what is typed again. Behind Ctrl-S it takes no byte, and a write would
 * wait for Ctrl-Q. */
static void on_end(int sig)
{
    tcsetattr(STDIN_FILENO, TCSANOW, &at_start);
    int flags = is_bracketing ? fcntl(STDOUT_FILENO, F_GETFL) : -1;
    if (flags >= 0 && !fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK)) {
        ssize_t n = write(STDOUT_FILENO, brackets_off, sizeof brackets_off - 1);
        (void)n; /* nothing can be done about it */
        fcntl(STDOUT_FILENO, F_SETFL, flags);
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

/* Rows of the window that the prompt and the line up to the cursor reach down. */
static int rows_above(EditLine *edit, int n_col)
{
    const LineInfoW *line = el_wline(edit);
    int row = 0, col = 2; /* the prompt */
    for (const wchar_t *p = line->buffer; p < line->cursor; p++) {
        int w = wcwidth(*p) < 0 ? 2 : wcwidth(*p); /* ^X */
        bool is_next = *p == L'\n' || col + w > n_col;
        if (is_next) row++, col = 0;
        if (*p != L'\n') col += w;
    }
    return row;
}

/* Draws the line again where the terminal has put it: it wraps long lines anew by itself. */
static void draw_again(EditLine *edit)
{
    struct winsize size = { 0 };
    void *user = NULL;
    el_get(edit, EL_CLIENTDATA, &user);
    const chat_edit *e = user;
    el_set(edit, EL_PREP_TERM, 0); /* the shell may have changed the terminal's mode */
    el_set(edit, EL_PREP_TERM, 1);
    el_resize(edit);
    if (e->is_ansi && !ioctl(STDIN_FILENO, TIOCGWINSZ, &size) && size.ws_col) {
        int up = rows_above(edit, size.ws_col);
        if (up) fprintf(e->out, "\033[%dA", up);
        fprintf(e->out, "\r\033[J");
        fflush(e->out);
    }
    el_set(edit, EL_REFRESH);
}

/* Waits for a byte; false after Ctrl-C, also one that came before. */
static bool wait_byte(EditLine *edit)
{
    sigset_t block, old;
    fd_set in;
    int n;
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGWINCH);
    sigaddset(&block, SIGCONT);
    sigprocmask(SIG_BLOCK, &block, &old);
    do {
        if (window_changed) {
            window_changed = 0;
            draw_again(edit);
        }
        FD_ZERO(&in);
        FD_SET(STDIN_FILENO, &in);
        n = run_is_interrupted() ? 0 : pselect(STDIN_FILENO + 1, &in, NULL, NULL, NULL, &old);
    } while (n < 0 && errno == EINTR);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return n != 0;
}

/* One character; unlike libedit's own reader it ends at the first Ctrl-C. */
static int get_char(EditLine *edit, wchar_t *out)
{
    mbstate_t state = { 0 };
    for (;;) {
        char c;
        ssize_t n = wait_byte(edit) ? read(STDIN_FILENO, &c, 1) : -1;
        if (n < 0 && errno == EINTR && !run_is_interrupted()) continue;
        if (n <= 0) return (int)n;
        size_t used = mbrtowc(out, &c, 1, &state);
        if (used == (size_t)-2) continue;
        if (used == (size_t)-1) *out = 0xfffd;
        return 1;
    }
}

/* ---- pasting ------------------------------------------------------------------------------- */

/* After brackets_on a terminal puts these around what is pasted. */
static const char paste_begin[] = "\033[200~";
static const wchar_t paste_end[] = L"\033[201~";

/* Line ends become newlines; those at the very end go, Enter is the user's. */
static void tidy(chat_edit *e)
{
    int64_t n = 0;
    wchar_t before = 0;
    for (int64_t i = 0; i < e->n_pasted; i++) {
        wchar_t c = e->pasted[i];
        bool is_pair = c == L'\n' && before == L'\r';
        before = c;
        if (c && !is_pair) e->pasted[n++] = c == L'\r' ? L'\n' : c;
    }
    while (n && e->pasted[n - 1] == L'\n') n--;
    e->pasted[n] = 0;
}

/* All up to the end of the paste, also what would be a key or an Enter if typed. */
static og_status read_paste(chat_edit *e)
{
    int n_end = OGI_LEN(paste_end) - 1, matched = 0; /* its first character is nowhere else in it */
    wchar_t c;
    for (e->n_pasted = 0; matched < n_end; e->n_pasted++) {
        if (el_wgetc(e->edit, &c) <= 0) return OG_E_CANCELLED;
        matched = c == paste_end[matched] ? matched + 1 : c == paste_end[0];
        if (e->n_pasted > CHAT_MAX_MESSAGE) continue;
        OG_TRY(ogi_grow(e->ctx, &e->pasted, &e->pasted_cap, e->n_pasted + 1, sizeof c));
        e->pasted[e->n_pasted] = c;
    }
    e->n_pasted -= n_end;
    return e->n_pasted > CHAT_MAX_MESSAGE ? OG_E_LIMIT : OG_OK;
}

static unsigned char paste(EditLine *edit, int key)
{
    void *user = NULL;
    (void)key;
    el_get(edit, EL_CLIENTDATA, &user);
    chat_edit *e = user;
    og_status st = read_paste(e);
    if (st == OG_E_LIMIT) return CC_ERROR; /* a bell: nothing is taken */
    if (st != OG_OK) return CC_EOF;
    tidy(e);
    return el_winsertstr(edit, e->pasted) ? CC_ERROR : CC_REFRESH;
}

/* ---- lines --------------------------------------------------------------------------------- */

static char *show_prompt(EditLine *edit)
{
    void *user = NULL;
    el_get(edit, EL_CLIENTDATA, &user);
    return (char *)(uintptr_t)((chat_edit *)user)->prompt;
}

edit_keys *edit_keys_of(EditLine *edit)
{
    void *user = NULL;
    el_get(edit, EL_CLIENTDATA, &user);
    return &((chat_edit *)user)->keys;
}

static void bind_keys(EditLine *edit)
{
    static const char *const key[][2] = {
        { paste_begin, "og-paste" },          { "^R", "em-inc-search-prev" },
        { "\033[3~", "ed-delete-next-char" }, { "\033[1;5C", "em-next-word" },
        { "\033[1;5D", "ed-prev-word" },
    };
    el_wset(edit, EL_ADDFN, L"og-paste", L"take a paste", paste); /* el_set leaks the names */
    for (int i = 0; i < OGI_LEN(key); i++) el_set(edit, EL_BIND, key[i][0], key[i][1], NULL);
}

static void remember(void *user, const char *line)
{
    HistEvent ev;
    history(user, &ev, H_ENTER, line);
}

/* What went wrong with the history is told, once, and nothing else. */
static void check_history(chat_edit *e, og_status st)
{
    if (st == OG_OK) return;
    fprintf(stderr, "oxigraph: no history is kept: %s\n", og_error(e->ctx));
    og_error_clear(e->ctx);
    e->history = NULL;
}

static void open_terminal(chat_edit *e)
{
    static const int deadly[] = { SIGTERM, SIGHUP, SIGQUIT };
    struct sigaction end = { .sa_handler = on_end }, old;
    const char *term = getenv("TERM");
    tcgetattr(STDIN_FILENO, &at_start);
    for (int i = 0; i < OGI_LEN(deadly); i++) {
        sigaction(deadly[i], NULL, &old);
        if (old.sa_handler != SIG_IGN) sigaction(deadly[i], &end, NULL); /* else: nohup */
    }
    e->is_ansi = term && strcmp(term, "dumb") != 0;
}

og_status chat_edit_new(og_ctx *ctx, const char *file, const char *const *commands, chat_edit **out)
{
    HistEvent ev;
    chat_edit *e = *out = OGI_NEW(ctx, chat_edit);
    if (!e) return OG_E_MEMORY;
    e->ctx = ctx;
    e->prompt = "";
    e->history = file;
    e->out = isatty(STDOUT_FILENO) ? stdout : stderr;
    open_terminal(e);
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1) setlocale(LC_CTYPE, "C.UTF-8");
    e->edit = el_init("oxigraph", stdin, e->out, stderr);
    e->past = history_init();
    if (!e->edit || !e->past) OG_FAIL(ctx, OG_E_MEMORY, "out of memory for the line editor");
    history(e->past, &ev, H_SETSIZE, LINE_HISTORY_MAX);
    history(e->past, &ev, H_SETUNIQUE, 1);
    el_set(e->edit, EL_CLIENTDATA, e);
    el_set(e->edit, EL_PROMPT, show_prompt);
    el_set(e->edit, EL_EDITOR, "emacs");
    el_set(e->edit, EL_GETCFN, get_char);
    el_set(e->edit, EL_HIST, history, e->past);
    /* Between lines (-x) and in them (-d) what is typed or pasted comes as it is. */
    el_set(e->edit, EL_SETTY, "-x", "-icanon", "-echo", "-icrnl", NULL);
    el_set(e->edit, EL_SETTY, "-d", "-inlcr", "-icrnl", NULL);
    bind_keys(e->edit);
    e->keys = (edit_keys){ .ctx = ctx, .edit = e->edit, .past = e->past, .commands = commands };
    edit_keys_bind(&e->keys);
    if (file) check_history(e, line_history_load(ctx, file, remember, e->past));
    return OG_OK;
}

void chat_edit_free(chat_edit *e)
{
    if (!e) return;
    if (e->past) history_end(e->past);
    if (e->edit) el_end(e->edit);
    edit_keys_free(&e->keys);
    ogi_free(e->ctx, e->pasted);
    ogi_free(e->ctx, e);
}

static const char *get_line(chat_edit *e, int *n)
{
    struct sigaction change = { .sa_handler = on_change }, interrupt, window, cont;
    run_catch_interrupt(&interrupt);
    sigaction(SIGWINCH, &change, &window);
    sigaction(SIGCONT, &change, &cont);
    window_changed = 0;
    el_resize(e->edit);
    is_bracketing = e->is_ansi;
    if (e->is_ansi) fprintf(e->out, "%s", brackets_on);
    const char *line = el_gets(e->edit, n);
    if (e->is_ansi) fprintf(e->out, "%s", brackets_off);
    is_bracketing = 0;
    fflush(e->out);
    sigaction(SIGCONT, &cont, NULL);
    sigaction(SIGWINCH, &window, NULL);
    sigaction(SIGINT, &interrupt, NULL);
    return line;
}

og_status chat_edit_line(chat_edit *e, const char *prompt, ogi_buf *out, chat_got *got)
{
    int n = 0;
    e->prompt = prompt;
    edit_keys_begin(&e->keys);
    const char *line = get_line(e, &n);
    *got = run_is_interrupted() ? CHAT_INTERRUPT : line && n > 0 ? CHAT_TEXT : CHAT_END;
    if (*got != CHAT_TEXT) {
        fprintf(stderr, "\n");
        return OG_OK;
    }
    n -= line[n - 1] == '\n';
    ogi_buf_add(out, line, (size_t)n);
    if (!n) return OG_OK;
    remember(e->past, line);
    if (e->history) check_history(e, line_history_add(e->ctx, e->history, line, (size_t)n));
    return OG_OK;
}

#endif
