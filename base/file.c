/* SPDX-License-Identifier: MIT */
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

static og_status cannot_write(const ogi_file_writer *w, int err)
{
    OG_FAIL(w->ctx, OG_E_IO, "%s: cannot write: %s", ogi_buf_str(&w->path), strerror(err));
}

og_status ogi_file_begin(og_ctx *ctx, const char *path, int mode, ogi_file_writer *out)
{
    *out = (ogi_file_writer){ .ctx = ctx, .path.ctx = ctx, .tmp.ctx = ctx, .fd = -1 };
    ogi_buf_puts(&out->path, path);
    ogi_buf_printf(&out->tmp, "%s.%ld.tmp", path, (long)getpid());
    if (out->path.failed || out->tmp.failed) return OG_E_MEMORY;
    unlink(out->tmp.p); /* of a process that died; its mode would stay */
    out->fd = open(out->tmp.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    return out->fd < 0 ? cannot_write(out, errno) : OG_OK;
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
    int err = fsync(w->fd) && errno != EINVAL ? errno : 0, fd = w->fd;
    w->fd = -1;
    if (close(fd) && !err) err = errno;
    if (!err && rename(w->tmp.p, w->path.p)) err = errno;
    og_status st = err ? cannot_write(w, err) : OG_OK;
    if (err) unlink(w->tmp.p);
    ogi_file_discard(w);
    return st;
}

void ogi_file_discard(ogi_file_writer *w)
{
    if (w->fd >= 0) {
        close(w->fd);
        unlink(w->tmp.p);
    }
    w->fd = -1;
    ogi_buf_free(&w->path);
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
