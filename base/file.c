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

static int write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno != EINTR) return errno;
        if (done > 0) p += done, n -= (size_t)done;
    }
    return fsync(fd) && errno != EINVAL ? errno : 0;
}

og_status ogi_file_write(og_ctx *ctx, const char *path, const void *data, size_t n, int mode)
{
    ogi_buf tmp = { .ctx = ctx };
    ogi_buf_printf(&tmp, "%s.%ld.tmp", path, (long)getpid());
    if (tmp.failed) return OG_E_MEMORY;
    int fd = open(tmp.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    int err = fd < 0 ? errno : write_all(fd, data, n);
    if (fd >= 0 && close(fd) && !err) err = errno;
    if (!err && rename(tmp.p, path)) err = errno;
    if (err && fd >= 0) unlink(tmp.p);
    ogi_buf_free(&tmp);
    if (err) OG_FAIL(ctx, OG_E_IO, "%s: cannot write: %s", path, strerror(err));
    return OG_OK;
}
