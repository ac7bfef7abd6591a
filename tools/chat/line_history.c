/* SPDX-License-Identifier: MIT
 *
 * One chat at a time changes the history file: it takes the lock, reads the file, adds a line,
 * drops the oldest and replaces the file as a whole, so that chats side by side lose nothing. */
#include "tools/chat/line_history.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum { MAX_FILE = 64 << 20, LOCK_TRIES = 50, LOCK_WAIT_NS = 10000000 };

bool line_history_path(ogi_buf *out)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    bool has_state = state && state[0] == '/';
    if (!has_state && (!home || home[0] != '/')) return false;
    ogi_buf_puts(out, has_state ? state : home);
    ogi_buf_puts(out, has_state ? "/oxigraph/history" : "/.local/state/oxigraph/history");
    return !out->failed;
}

/* The file's text; none: "". */
static og_status read_file(og_ctx *ctx, const char *path, ogi_buf *out)
{
    ogi_file_map map;
    if (access(path, F_OK) != 0 && errno == ENOENT) return OG_OK;
    OG_TRY(ogi_file_map_open(ctx, path, &map));
    bool fits = map.size <= MAX_FILE;
    if (fits) ogi_buf_add(out, map.data, (size_t)map.size);
    ogi_file_map_close(&map);
    if (!fits) OG_FAIL(ctx, OG_E_LIMIT, "%s: longer than %d bytes", path, MAX_FILE);
    return out->failed ? OG_E_MEMORY : OG_OK;
}

og_status line_history_load(og_ctx *ctx, const char *path, void (*each)(void *user, const char *),
                            void *user)
{
    ogi_buf text = { .ctx = ctx };
    og_status st = read_file(ctx, path, &text);
    for (size_t at = 0, n; st == OG_OK && at < text.n; at += n + 1) {
        const char *end = memchr(text.p + at, '\n', text.n - at);
        n = end ? (size_t)(end - (text.p + at)) : text.n - at;
        json_t *j = json_loadb(text.p + at, n, JSON_DECODE_ANY, NULL);
        if (json_is_string(j)) each(user, json_string_value(j));
        json_decref(j);
    }
    ogi_buf_free(&text);
    return st;
}

/* Folders of path's end that may be made: not the user's own one, nor what is above a state folder
 * that was named. */
static int own_folders(const char *path)
{
    static const char at_home[] = "/.local/state/oxigraph/history";
    size_t n = strlen(path), tail = sizeof at_home - 1;
    return n > tail && !strcmp(path + n - tail, at_home) ? 3 : 2;
}

static og_status make_folders(og_ctx *ctx, const char *path)
{
    ogi_buf part = { .ctx = ctx };
    int err = 0, n_folder = 0, own = own_folders(path);
    for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) n_folder++;
    for (const char *p = strchr(path + 1, '/'); p && !err; p = strchr(p + 1, '/')) {
        if (n_folder-- > own) continue;
        part.n = 0;
        ogi_buf_add(&part, path, (size_t)(p - path));
        err = part.failed ? ENOMEM : mkdir(part.p, 0700) && errno != EEXIST ? errno : 0;
    }
    og_status st = err ? ogi_fail(ctx, OG_E_IO, __FILE__, __LINE__, "%s: %s", ogi_buf_str(&part),
                                  strerror(err))
                       : OG_OK;
    ogi_buf_free(&part);
    return st;
}

/* Keeps other chats from writing until *fd is closed; one that was stopped while it writes is
 * waited for half a second only. */
static og_status lock(og_ctx *ctx, const char *path, int *fd)
{
    ogi_buf name = { .ctx = ctx };
    const struct timespec wait = { .tv_nsec = LOCK_WAIT_NS };
    ogi_buf_printf(&name, "%s.lock", path);
    *fd = name.failed ? -1 : open(name.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int err = *fd < 0 ? errno : 0, tries = 0;
    while (!err && flock(*fd, LOCK_EX | LOCK_NB)) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || ++tries == LOCK_TRIES) err = errno;
        nanosleep(&wait, NULL);
    }
    og_status st =
        err ? ogi_fail(ctx, OG_E_IO, __FILE__, __LINE__, "%s: %s", name.p, strerror(err)) : OG_OK;
    ogi_buf_free(&name);
    return st;
}

/* Where the newest LINE_HISTORY_MAX lines begin. */
static size_t newest(const ogi_buf *text)
{
    size_t at = text->n;
    for (int n = 0; at; at--)
        if (text->p[at - 1] == '\n' && n++ == LINE_HISTORY_MAX) break;
    return at;
}

static og_status add_line(og_ctx *ctx, const char *path, const char *line)
{
    ogi_buf text = { .ctx = ctx };
    size_t n = strlen(line);
    og_status st = read_file(ctx, path, &text);
    if (st == OG_OK && text.n && text.p[text.n - 1] != '\n') ogi_buf_putc(&text, '\n');
    bool is_last = st == OG_OK && text.n > n && !memcmp(text.p + text.n - n - 1, line, n) &&
                   (text.n == n + 1 || text.p[text.n - n - 2] == '\n');
    ogi_buf_puts(&text, line);
    ogi_buf_putc(&text, '\n');
    if (st == OG_OK && text.failed) st = OG_E_MEMORY;
    if (st == OG_OK && !is_last) {
        size_t from = newest(&text);
        st = ogi_file_write(ctx, path, text.p + from, text.n - from, 0600);
    }
    ogi_buf_free(&text);
    return st;
}

og_status line_history_add(og_ctx *ctx, const char *path, const char *entry, size_t n)
{
    int fd = -1;
    if (n > LINE_HISTORY_ENTRY) return OG_OK;
    json_t *j = json_stringn(entry, n); /* NULL also for what is not UTF-8: not kept */
    char *line = j ? json_dumps(j, JSON_ENCODE_ANY) : NULL;
    json_decref(j);
    if (!line) return OG_OK;
    og_status st = make_folders(ctx, path);
    if (st == OG_OK) st = lock(ctx, path, &fd);
    if (st == OG_OK) st = add_line(ctx, path, line);
    if (fd >= 0) close(fd);
    free(line);
    return st;
}
