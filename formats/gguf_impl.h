/* SPDX-License-Identifier: MIT
 *
 * What gguf.c (opening), gguf_parse.c and gguf_value.c (typed reads, overrides) share: the open
 * file. */
#ifndef OG_FORMATS_GGUF_IMPL_H
#define OG_FORMATS_GGUF_IMPL_H

#include "base/arena.h"
#include "base/file.h"
#include "base/map.h"
#include "formats/gguf.h"

typedef struct ogi_gguf_part {
    const char *path;
    ogi_file_map map;
    bool is_borrowed; /* the bytes belong to the caller, nothing is unmapped */
} ogi_gguf_part;

struct ogi_gguf {
    og_ctx *ctx;
    ogi_arena arena; /* paths, override values */
    ogi_gguf_part *part;
    int64_t n_part, part_cap;
    int version;
    ogi_gguf_kv *kv; /* of the first part, then added overrides */
    int64_t n_kv, kv_cap;
    ogi_map kv_index;
    ogi_gguf_tensor *tensor; /* of all parts */
    int64_t n_tensor, tensor_cap;
    ogi_map tensor_index;
};

/* For "%.*s": names from files can be of any length, an error line cannot. */
#define OGI_GGUF_NAME(sv) (int)OGI_MIN((sv).n, (size_t)200), (sv).p

/* Bytes of one value; 0 for strings, arrays and ids that are no type. */
int ogi_gguf_type_size(int64_t type);

/* Parses part i of f, which is mapped already: its tensors are appended to f's, its keys go into
 * keys, which is f itself for the first part. */
og_status ogi_gguf_read_part(ogi_gguf *f, int i, ogi_gguf *keys);

/* Applies one "key=type:value". */
og_status ogi_gguf_override(ogi_gguf *f, const char *text);

#endif
