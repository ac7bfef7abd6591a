/* SPDX-License-Identifier: MIT
 *
 * GGUF v2 and v3 files (little-endian): mapped, never copied; every length and offset is checked
 * at open, so that later reads cannot leave the map. Split files (NAME-00001-of-0000N.gguf) open
 * as one. Format: ggml/docs/gguf.md. */
#ifndef OG_FORMATS_GGUF_H
#define OG_FORMATS_GGUF_H

#include "base/buf.h"

typedef enum ogi_gguf_type {
    OGI_GGUF_U8,
    OGI_GGUF_I8,
    OGI_GGUF_U16,
    OGI_GGUF_I16,
    OGI_GGUF_U32,
    OGI_GGUF_I32,
    OGI_GGUF_F32,
    OGI_GGUF_BOOL,
    OGI_GGUF_STR,
    OGI_GGUF_ARRAY,
    OGI_GGUF_U64,
    OGI_GGUF_I64,
    OGI_GGUF_F64,
    OGI_GGUF_TYPE_COUNT
} ogi_gguf_type;

/* One metadata pair. Scalars have n = 1 and type != ARRAY; arrays have type ARRAY and elem, n.
 * data points at the little-endian values in the map (strings: u64 length + bytes each). */
typedef struct ogi_gguf_kv {
    ogi_sv key;
    ogi_gguf_type type, elem;
    int64_t n;
    const unsigned char *data;
    int64_t size; /* bytes at data */
} ogi_gguf_kv;

enum { OGI_GGUF_MAX_RANK = 4 };

typedef struct ogi_gguf_tensor {
    ogi_sv name;
    int type;                       /* ggml type id = og_dtype */
    int rank;                       /* 0..4 */
    int64_t dim[OGI_GGUF_MAX_RANK]; /* as in the file: fastest first; 1 beyond rank */
    const unsigned char *data;      /* in the map */
    int64_t size;                   /* bytes */
    int64_t file_offset;            /* of data, in its part */
    int part;                       /* which split file */
} ogi_gguf_tensor;

typedef struct ogi_gguf ogi_gguf;

/* Opens path and, if it is part of a split set, all its parts. override: "key=type:value" strings
 * (types str int float bool), as --override-kv gives them. Errors name file, key or tensor. */
og_status ogi_gguf_open(og_ctx *ctx, const char *path, const char *const *override, int n_override,
                        ogi_gguf **out);
/* The same over bytes that the caller keeps alive; name stands for the path in errors. */
og_status ogi_gguf_open_memory(og_ctx *ctx, const char *name, const void *data, int64_t size,
                               const char *const *override, int n_override, ogi_gguf **out);
void ogi_gguf_close(ogi_gguf *f);

/* How the file's bytes come into memory. */
typedef struct ogi_gguf_load_options {
    bool is_copied, is_locked; /* else read ahead, in place */
    bool (*progress)(void *user, double done);
    void *user;
} ogi_gguf_load_options;

/* Brings all parts into memory; what is borrowed is there. Parts larger than `most` bytes together
 * are left to be read as they are touched, unless they are to be copied or locked. A lock that the
 * system refuses is a warning. */
og_status ogi_gguf_load(ogi_gguf *f, int64_t most, const ogi_gguf_load_options *opt);

const char *ogi_gguf_path(const ogi_gguf *f);
const char *ogi_gguf_part_path(const ogi_gguf *f, int i); /* NULL beyond the last part */
int ogi_gguf_version(const ogi_gguf *f);
int64_t ogi_gguf_size(const ogi_gguf *f); /* bytes of all parts */
/* A hash of the metadata, overrides applied, of the tensors' names, types and shapes, and of the
 * sizes and modification times of all parts (of their bytes, if they were opened from memory). */
uint64_t ogi_gguf_fingerprint(const ogi_gguf *f);
int64_t ogi_gguf_kv_count(const ogi_gguf *f);
const ogi_gguf_kv *ogi_gguf_kv_at(const ogi_gguf *f, int64_t i);      /* in file order */
const ogi_gguf_kv *ogi_gguf_find(const ogi_gguf *f, const char *key); /* NULL if absent */
int64_t ogi_gguf_tensor_count(const ogi_gguf *f);
const ogi_gguf_tensor *ogi_gguf_tensor_at(const ogi_gguf *f, int64_t i);     /* in file order */
const ogi_gguf_tensor *ogi_gguf_tensor_find(const ogi_gguf *f, ogi_sv name); /* NULL if absent */

/* Typed reads. Absent key: *out is left as it was (put the default there first), OG_OK. A key of
 * another kind is OG_E_FORMAT naming file and key; any integer or bool type reads as integer if
 * the value fits, any number as float. */
og_status ogi_gguf_int(const ogi_gguf *f, const char *key, int64_t *out);
og_status ogi_gguf_float(const ogi_gguf *f, const char *key, double *out);
og_status ogi_gguf_bool(const ogi_gguf *f, const char *key, bool *out);
og_status ogi_gguf_str(const ogi_gguf *f, const char *key, ogi_sv *out);
/* The array under key if its elements are strings / integers / numbers; *out NULL if absent. */
og_status ogi_gguf_array(const ogi_gguf *f, const char *key, ogi_gguf_type elem,
                         const ogi_gguf_kv **out);

/* Element i of an array or the scalar itself (i = 0). The kv must have the right kind. */
int64_t ogi_gguf_int_at(const ogi_gguf_kv *kv, int64_t i);
uint64_t ogi_gguf_uint_at(const ogi_gguf_kv *kv, int64_t i); /* u64 beyond 2^63 too */
double ogi_gguf_float_at(const ogi_gguf_kv *kv, int64_t i);
/* Strings are walked: *at starts at 0 and moves to the next string. */
ogi_sv ogi_gguf_str_next(const ogi_gguf_kv *kv, int64_t *at);
/* So are the arrays of an array of arrays: each comes as an array under the same key. */
ogi_gguf_kv ogi_gguf_array_next(const ogi_gguf_kv *kv, int64_t *at);

const char *ogi_gguf_type_name(ogi_gguf_type type);

#endif
