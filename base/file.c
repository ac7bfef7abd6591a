/* SPDX-License-Identifier: MIT
 *
 * Maps, reads and the one writer of files. A file that is written appears whole under its name or
 * not at all, on every way out. */
#define _GNU_SOURCE /* O_TMPFILE, mremap */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

og_status ogi_file_map_open(og_ctx *ctx, const char *path, ogi_file_map *out)
{
    *out = (ogi_file_map){ 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) OG_FAIL(ctx, OG_E_IO, "%s: %s", path, strerror(errno));
    struct stat st;
    int err = fstat(fd, &st) ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;
    if (err || !S_ISREG(st.st_mode)) {
        close(fd);
        OG_FAIL(ctx, OG_E_IO, "%s: %s", path, err ? strerror(err) : "not a regular file");
    }
    out->size = st.st_size;
    out->modified = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (out->size) {
        void *p = mmap(NULL, (size_t)out->size, PROT_READ, MAP_SHARED, fd, 0);
        err = p == MAP_FAILED ? errno : 0;
        out->data = err ? NULL : p;
    }
    close(fd);
    if (err)
        OG_FAIL(ctx, OG_E_IO, "%s: cannot map %lld bytes: %s", path, (long long)st.st_size,
                strerror(err));
    return OG_OK;
}

void ogi_file_map_close(ogi_file_map *m)
{
    if (m->data) munmap((void *)(uintptr_t)m->data, (size_t)m->size);
    *m = (ogi_file_map){ 0 };
}

enum { PIECE = 64 << 20 }; /* bytes between two reports of progress */

static og_status report(const ogi_file_map *m, int64_t done, ogi_file_progress *fn, void *user)
{
    return !fn || fn(user, (double)done / (double)m->size) ? OG_OK : OG_E_CANCELLED;
}

og_status ogi_file_map_fetch(const ogi_file_map *m, ogi_file_progress *fn, void *user)
{
    for (int64_t at = 0; at < m->size; at += PIECE) {
        void *p = (void *)(uintptr_t)(m->data + at);
        size_t n = (size_t)OGI_MIN(m->size - at, (int64_t)PIECE);
        OG_TRY(report(m, at, fn, user));
#ifdef MADV_POPULATE_READ
        if (madvise(p, n, MADV_POPULATE_READ) == 0) continue;
#endif
        madvise(p, n, MADV_WILLNEED);
    }
    return OG_OK;
}

og_status ogi_file_map_copy(og_ctx *ctx, ogi_file_map *m, ogi_file_progress *fn, void *user)
{
    if (!m->size) return OG_OK;
    size_t size = (size_t)m->size;
    void *old = (void *)(uintptr_t)m->data;
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        OG_FAIL(ctx, OG_E_MEMORY, "no memory for a copy of %lld bytes", (long long)m->size);
    og_status s = OG_OK;
    for (int64_t at = 0; at < m->size && s == OG_OK; at += PIECE) {
        size_t n = (size_t)OGI_MIN(m->size - at, (int64_t)PIECE);
        memcpy(p + at, m->data + at, n);
        madvise((char *)old + at, n, MADV_DONTNEED); /* no more than a piece lies there twice */
        s = report(m, at, fn, user);
    }
    if (s == OG_OK && (mprotect(p, size, PROT_READ) != 0 ||
                       mremap(p, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, old) == MAP_FAILED))
        s = ogi_fail(ctx, OG_E_IO, __FILE__, __LINE__, "cannot move the copy: %s", strerror(errno));
    if (s != OG_OK) munmap(p, size);
    return s;
}

int ogi_file_map_lock(const ogi_file_map *m)
{
    return m->size && mlock(m->data, (size_t)m->size) != 0 ? errno : 0;
}

og_status ogi_file_read(og_ctx *ctx, const char *path, int64_t max_size, ogi_buf *out)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? 0 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) OG_FAIL(ctx, OG_E_IO, "%s: %s", path, strerror(errno));
    char chunk[16384];
    ssize_t n = 0;
    int64_t total = 0;
    while ((n = read(fd, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR)) {
        if (n < 0) continue;
        if ((total += n) > max_size) break;
        ogi_buf_add(out, chunk, (size_t)n);
    }
    int err = n < 0 ? errno : 0;
    if (!is_stdin) close(fd);
    if (err) OG_FAIL(ctx, OG_E_IO, "%s: %s", path, strerror(err));
    if (total > max_size)
        OG_FAIL(ctx, OG_E_LIMIT, "%s: longer than the %lld bytes allowed here", path,
                (long long)max_size);
    return out->failed ? OG_E_MEMORY : OG_OK;
}

/* ---- writing ------------------------------------------------------------------------------- */

static og_status cannot_write(ogi_file_writer *w, int err)
{
    w->err = err;
    const char *name = strcmp(w->path.p, "-") ? w->path.p : "standard output";
    OG_FAIL(w->ctx, OG_E_IO, "%s: cannot write: %s", name, strerror(err));
}

/* A copy of the descriptor of standard output or error if the file is that one: what was written
 * there before stays. -1: it is neither. */
static int open_standard(const struct stat *file)
{
    struct stat st;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
        if (!fstat(fd, &st) && st.st_dev == file->st_dev && st.st_ino == file->st_ino)
            return fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return -1;
}

/* Follows the links at w->target, also where the last one leads to nothing yet. */
static og_status follow_links(ogi_file_writer *w)
{
    enum { MOST = 40 };
    char link[4096];
    for (int i = 0; i < MOST; i++) {
        ssize_t n = readlink(w->target.p, link, sizeof link);
        if (n < 0) return OG_OK; /* no link; what else is wrong, opening will tell */
        const char *slash = link[0] == '/' ? NULL : strrchr(w->target.p, '/');
        w->target.n = slash ? (size_t)(slash - w->target.p) + 1 : 0;
        ogi_buf_add(&w->target, link, (size_t)n);
        if (w->target.failed) return OG_E_MEMORY;
    }
    return cannot_write(w, ELOOP);
}

/* A name beside the target that nobody has, as make_named() finds out. */
static bool next_name(ogi_file_writer *w, int i)
{
    w->tmp.n = 0;
    ogi_buf_printf(&w->tmp, "%s.%ld.%d.tmp", w->target.p, (long)getpid(), i);
    return !w->tmp.failed;
}

enum { NAMES = 1000 };

static og_status open_named(ogi_file_writer *w, int mode)
{
    for (int i = 0; i < NAMES; i++) {
        if (!next_name(w, i)) return OG_E_MEMORY;
        w->fd = open(w->tmp.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (w->fd >= 0 || errno != EEXIST) break;
    }
    w->is_named = w->fd >= 0;
    return w->fd < 0 ? cannot_write(w, errno) : OG_OK;
}

/* A file without a name goes with the process, however that ends. Not every file system has them:
 * w->fd < 0 then. */
static void open_nameless(ogi_file_writer *w, int mode)
{
#ifdef O_TMPFILE
    const char *slash = strrchr(w->target.p, '/');
    w->tmp.n = 0;
    ogi_buf_add(&w->tmp, slash ? w->target.p : ".", slash ? (size_t)(slash - w->target.p) + 1 : 1);
    if (!w->tmp.failed && !access("/proc/self/fd", X_OK))
        w->fd = open(w->tmp.p, O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
#else
    (void)w, (void)mode;
#endif
}

/* Gives a nameless file its name. */
static int name_it(ogi_file_writer *w)
{
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", w->fd);
    for (int i = 0; i < NAMES && next_name(w, i); i++) {
        if (!linkat(AT_FDCWD, self, AT_FDCWD, w->tmp.p, AT_SYMLINK_FOLLOW)) {
            w->is_named = true;
            return 0;
        }
        if (errno != EEXIST) return errno;
    }
    return w->tmp.failed ? ENOMEM : EEXIST;
}

og_status ogi_file_begin(og_ctx *ctx, const char *path, int mode, ogi_file_writer *out)
{
    struct stat st;
    ogi_file_writer *w = out;
    *w = (ogi_file_writer){ .ctx = ctx, .path.ctx = ctx, .target.ctx = ctx, .tmp.ctx = ctx };
    w->fd = -1;
    ogi_buf_puts(&w->path, path);
    ogi_buf_puts(&w->target, path);
    if (w->path.failed || w->target.failed) return OG_E_MEMORY;
    bool is_stdout = !strcmp(path, "-");
    bool exists = is_stdout ? !fstat(STDOUT_FILENO, &st) : !stat(path, &st);
    if (!exists && (is_stdout || errno != ENOENT)) return cannot_write(w, errno);
    if (exists) {
        w->fd = open_standard(&st);
        if (w->fd < 0 && !S_ISREG(st.st_mode)) w->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (w->fd >= 0) return OG_OK;
        if (!S_ISREG(st.st_mode) || access(path, W_OK)) return cannot_write(w, errno);
        mode &= (int)st.st_mode;
    }
    w->is_beside = true;
    OG_TRY(follow_links(w));
    open_nameless(w, mode);
    return w->fd < 0 ? open_named(w, mode) : OG_OK;
}

og_status ogi_file_put(ogi_file_writer *w, const void *data, size_t n)
{
    for (const char *p = data; n;) {
        ssize_t done = write(w->fd, p, n);
        if (done < 0 && errno != EINTR) return cannot_write(w, errno);
        if (done > 0) p += done, n -= (size_t)done;
    }
    return OG_OK;
}

og_status ogi_file_commit(ogi_file_writer *w)
{
    int err = fsync(w->fd) && errno != EINVAL && errno != EROFS && errno != ENOTSUP ? errno : 0;
    if (!err && w->is_beside && !w->is_named) err = name_it(w);
    int fd = w->fd;
    w->fd = -1;
    if (close(fd) && !err) err = errno;
    if (!err && w->is_beside && rename(w->tmp.p, w->target.p)) err = errno;
    og_status st = err ? cannot_write(w, err) : OG_OK;
    if (!err) w->is_named = false;
    ogi_file_discard(w);
    return st;
}

void ogi_file_discard(ogi_file_writer *w)
{
    if (w->fd >= 0) close(w->fd);
    if (w->is_named) unlink(w->tmp.p);
    w->fd = -1;
    w->is_named = false;
    ogi_buf_free(&w->path);
    ogi_buf_free(&w->target);
    ogi_buf_free(&w->tmp);
}

og_status ogi_file_write(og_ctx *ctx, const char *path, const void *data, size_t n, int mode)
{
    ogi_file_writer w;
    og_status st = ogi_file_begin(ctx, path, mode, &w);
    if (st == OG_OK) st = ogi_file_put(&w, data, n);
    if (st == OG_OK) return ogi_file_commit(&w);
    ogi_file_discard(&w);
    return st;
}

bool ogi_file_is_same(const char *a, const char *b)
{
    struct stat x, y;
    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}
