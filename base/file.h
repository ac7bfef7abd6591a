/* SPDX-License-Identifier: MIT
 *
 * Files: read-only maps, whole reads with a limit, writes whole or piece by piece. */
#ifndef OG_BASE_FILE_H
#define OG_BASE_FILE_H

#include "base/buf.h"

/* A read-only map of a whole regular file. */
typedef struct ogi_file_map {
    const unsigned char *data; /* NULL for an empty file */
    int64_t size;
    int64_t modified; /* nanoseconds since 1970 */
} ogi_file_map;

/* Errors: OG_E_IO with path and reason (also for directories and devices). */
og_status ogi_file_map_open(og_ctx *ctx, const char *path, ogi_file_map *out);
void ogi_file_map_close(ogi_file_map *m);

/* Told 0..1 on the way; false cancels: OG_E_CANCELLED without a
 * message, and the map is as before. */
typedef bool ogi_file_progress(void *user, double done);
/* Reads the file ahead of its use, as far as the system can. */
og_status ogi_file_map_fetch(const ogi_file_map *m, ogi_file_progress *fn, void *user);
/* Makes the map a copy in memory, at the same address: whatever points into it stays right. */
og_status ogi_file_map_copy(og_ctx *ctx, ogi_file_map *m, ogi_file_progress *fn, void *user);
/* Keeps the bytes in memory; errno if the system does not want to, else 0. */
int ogi_file_map_lock(const ogi_file_map *m);

/* Appends the whole file ("-" is standard input) to out; OG_E_LIMIT beyond max_size bytes. */
og_status ogi_file_read(og_ctx *ctx, const char *path, int64_t max_size, ogi_buf *out);

/* The one way in which files are written. A regular file, or one that does not exist yet, is
 * written beside its path and renamed: path is whole or untouched, and nothing stays behind. Links
 * are followed. What is no regular file (a device, a pipe) is written in place, and so is "-",
 * standard output, under whatever name. Every writer that was begun ends in a commit or a discard.
 *
 *     begin    fd -> a nameless file in the target's folder  (named tmp where there are none)
 *     commit   tmp -> that file;  rename tmp -> target                                        */
typedef struct ogi_file_writer {
    og_ctx *ctx;
    ogi_buf path, target, tmp; /* as the caller says; behind links; beside target */
    int fd, err;               /* err: errno of what failed */
    bool is_beside, is_named;  /* written beside; tmp exists */
} ogi_file_writer;

/* mode: of a new file; one that exists gets no further bits. */
og_status ogi_file_begin(og_ctx *ctx, const char *path, int mode, ogi_file_writer *out);
og_status ogi_file_put(ogi_file_writer *w, const void *data, size_t n);
og_status ogi_file_commit(ogi_file_writer *w);
void ogi_file_discard(ogi_file_writer *w);
/* All three at once. */
og_status ogi_file_write(og_ctx *ctx, const char *path, const void *data, size_t n, int mode);

/* Do both paths lead to one file that exists? */
bool ogi_file_is_same(const char *a, const char *b);

#endif
