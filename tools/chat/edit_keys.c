/* SPDX-License-Identifier: MIT
 *
 * What the keys do. A draft is one buffer with newlines in it:
 *
 *     first line\nsecond li|ne\nthird          Up: to "first line", Down: to "third"
 *     buffer               cursor    lastchar  */
#define _XOPEN_SOURCE 700
#ifdef OG_HAVE_EDIT

#include "tools/chat/edit_keys.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <wchar.h>

/* ---- places -------------------------------------------------------------------------------- */

static const wchar_t *line_begin(const LineInfoW *l, const wchar_t *at)
{
    while (at > l->buffer && at[-1] != L'\n') at--;
    return at;
}

static const wchar_t *line_end(const LineInfoW *l, const wchar_t *at)
{
    while (at < l->lastchar && *at != L'\n') at++;
    return at;
}

static unsigned char move_to(EditLine *edit, const wchar_t *to)
{
    el_cursor(edit, (int)(to - el_wline(edit)->cursor));
    return CC_REFRESH;
}

/* The same column of the line that begins at begin, or its end. */
static unsigned char move_into(EditLine *edit, const wchar_t *begin)
{
    const LineInfoW *l = el_wline(edit);
    ptrdiff_t column = l->cursor - line_begin(l, l->cursor);
    const wchar_t *end = line_end(l, begin);
    return move_to(edit, begin + OGI_MIN(column, end - begin));
}

static unsigned char home(EditLine *edit, int key)
{
    const LineInfoW *l = el_wline(edit);
    (void)key;
    return move_to(edit, line_begin(l, l->cursor));
}

static unsigned char end(EditLine *edit, int key)
{
    const LineInfoW *l = el_wline(edit);
    (void)key;
    return move_to(edit, line_end(l, l->cursor));
}

/* ---- the history --------------------------------------------------------------------------- */

static void erase(EditLine *edit)
{
    move_to(edit, el_wline(edit)->lastchar);
    const LineInfoW *l = el_wline(edit);
    el_wdeletestr(edit, (int)(l->lastchar - l->buffer));
}

static bool keep_draft(edit_keys *k)
{
    const LineInfoW *l = el_wline(k->edit);
    int64_t n = l->lastchar - l->buffer;
    if (ogi_grow(k->ctx, &k->draft, &k->draft_cap, n + 1, sizeof *k->draft) != OG_OK) return false;
    wmemcpy(k->draft, l->buffer, (size_t)n);
    k->draft[n] = 0;
    k->n_draft = n;
    return true;
}

/* Shows entry at of the history, 1 the newest, or the draft. */
static unsigned char show(edit_keys *k, int at)
{
    HistEvent ev = { 0 };
    int status = at ? history(k->past, &ev, H_FIRST) : 0;
    for (int i = 1; i < at && status >= 0; i++) status = history(k->past, &ev, H_NEXT);
    if (status < 0) return CC_ERROR;
    if (!k->at && !keep_draft(k)) return CC_ERROR;
    k->at = at;
    erase(k->edit);
    if (!at) return k->n_draft && el_winsertstr(k->edit, k->draft) ? CC_ERROR : CC_REFRESH;
    char *text = strdup(ev.str);
    size_t n = text ? strlen(text) : 0;
    if (n && text[n - 1] == '\n') text[n - 1] = 0;
    status = text && *text ? el_insertstr(k->edit, text) : 0;
    free(text);
    return status ? CC_ERROR : CC_REFRESH;
}

static unsigned char up(EditLine *edit, int key)
{
    const LineInfoW *l = el_wline(edit);
    const wchar_t *begin = line_begin(l, l->cursor);
    edit_keys *k = edit_keys_of(edit);
    (void)key;
    return begin > l->buffer ? move_into(edit, line_begin(l, begin - 1)) : show(k, k->at + 1);
}

static unsigned char down(EditLine *edit, int key)
{
    const LineInfoW *l = el_wline(edit);
    const wchar_t *stop = line_end(l, l->cursor);
    edit_keys *k = edit_keys_of(edit);
    (void)key;
    if (stop < l->lastchar) return move_into(edit, stop + 1);
    return k->at ? show(k, k->at - 1) : CC_ERROR;
}

/* ---- completion ---------------------------------------------------------------------------- */

/* What all names that begin with the typed text have in common. */
typedef struct match {
    char text[1024];
    int n; /* names */
} match;

static void add_name(match *m, const char *typed, const char *name, size_t n, bool is_whole)
{
    size_t n_typed = strlen(typed), k = 0;
    if (n < n_typed || memcmp(name, typed, n_typed) != 0 || n + 2 > sizeof m->text) return;
    if (!m->n++) {
        snprintf(m->text, sizeof m->text, "%.*s%s", (int)n, name, is_whole ? " " : "");
        return;
    }
    while (k < n && m->text[k] == name[k]) k++;
    m->text[k] = 0;
}

static void match_commands(const edit_keys *k, const char *typed, match *m)
{
    for (int i = 0; k->commands && k->commands[i]; i++)
        for (const char *p = k->commands[i]; *p;) {
            size_t n = strcspn(p, "|");
            add_name(m, typed, p, n, true);
            p += n + (p[n] == '|');
        }
}

/* Names in the folder that typed is in; hidden ones only if it says so. */
static void match_files(const char *typed, match *m)
{
    const char *slash = strrchr(typed, '/');
    char folder[1024], path[2048];
    size_t n = slash ? (size_t)(slash - typed) + 1 : 0;
    struct stat st;
    if (n >= sizeof folder) return;
    snprintf(folder, sizeof folder, "%.*s", (int)n, typed);
    DIR *d = opendir(n ? folder : ".");
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.' && typed[n] != '.') continue;
        snprintf(path, sizeof path, "%s%s", folder, e->d_name);
        bool is_folder = !stat(path, &st) && S_ISDIR(st.st_mode);
        size_t end = strlen(path);
        if (is_folder && end + 2 < sizeof path) path[end] = '/', path[end + 1] = 0;
        add_name(m, typed, path, strlen(path), false);
    }
    if (d) closedir(d);
}

/* /comm<Tab>, and the file behind /read, /save and /load. */
static unsigned char complete(EditLine *edit, int key)
{
    const LineInfo *l = el_line(edit);
    char line[1024];
    match m = { .n = 0 };
    (void)key;
    size_t n = (size_t)(l->cursor - l->buffer);
    if (!n || l->buffer[0] != '/' || n >= sizeof line) return CC_ERROR;
    snprintf(line, sizeof line, "%.*s", (int)n, l->buffer);
    char *space = strchr(line, ' ');
    const char *typed = space ? space + 1 : line + 1;
    if (space)
        match_files(typed, &m);
    else
        match_commands(edit_keys_of(edit), typed, &m);
    if (strlen(m.text) <= strlen(typed) || !m.n) return CC_ERROR;
    return el_insertstr(edit, m.text + strlen(typed)) ? CC_ERROR : CC_REFRESH;
}

/* ---- binding ------------------------------------------------------------------------------- */

void edit_keys_bind(edit_keys *k)
{
    static const struct {
        const wchar_t *name;
        unsigned char (*run)(EditLine *edit, int key);
    } functions[] = {
        { L"og-up", up },   { L"og-down", down },         { L"og-home", home },
        { L"og-end", end }, { L"og-complete", complete },
    };
    static const char *const keys[][2] = {
        { "\033[A", "og-up" },   { "\033OA", "og-up" },   { "^P", "og-up" },
        { "\033[B", "og-down" }, { "\033OB", "og-down" }, { "^N", "og-down" },
        { "\033[H", "og-home" }, { "\033OH", "og-home" }, { "\033[1~", "og-home" },
        { "^A", "og-home" },     { "\033[F", "og-end" },  { "\033OF", "og-end" },
        { "\033[4~", "og-end" }, { "^E", "og-end" },      { "^I", "og-complete" },
    };
    for (int i = 0; i < OGI_LEN(functions); i++) /* el_set leaks the names */
        el_wset(k->edit, EL_ADDFN, functions[i].name, functions[i].name, functions[i].run);
    for (int i = 0; i < OGI_LEN(keys); i++) el_set(k->edit, EL_BIND, keys[i][0], keys[i][1], NULL);
}

void edit_keys_begin(edit_keys *k)
{
    k->at = 0;
    k->n_draft = 0;
}

void edit_keys_free(edit_keys *k)
{
    ogi_free(k->ctx, k->draft);
}

#else

typedef int no_editor; /* ISO C wants something here */

#endif
