/* SPDX-License-Identifier: MIT
 *
 * Files: read-only maps, whole reads with a limit, atomic writes whole or piece by piece. */
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

/* Appends the whole file ("-" is standard input) to out; OG_E_LIMIT beyond max_size bytes. */
og_status ogi_file_read(og_ctx *ctx, const char *path, int64_t max_size, ogi_buf *out);

/* A file that is written beside its path and renamed: path is whole or untouched. Every writer that
 * was begun ends in a commit or a discard. */
typedef struct ogi_file_writer {
    og_ctx *ctx;
    ogi_buf path, tmp;
    int fd;
} ogi_file_writer;

og_status ogi_file_begin(og_ctx *ctx, const char *path, int mode, ogi_file_writer *out);
og_status ogi_file_put(ogi_file_writer *w, const void *data, size_t n);
og_status ogi_file_commit(ogi_file_writer *w);
void ogi_file_discard(ogi_file_writer *w);
/* All three at once. */
og_status ogi_file_write(og_ctx *ctx, const char *path, const void *data, size_t n, int mode);

#endif
