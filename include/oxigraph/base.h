/* SPDX-License-Identifier: MIT
 *
 * Status codes, contexts and errors: what every other header builds on.
 *
 * Every function that can fail returns an og_status and leaves one line of text in its context,
 * which og_error() gives. The first failure is kept until og_error_clear(). The library never
 * prints, exits or aborts; it logs through a callback. */
#ifndef OXIGRAPH_BASE_H
#define OXIGRAPH_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define OG_API          __attribute__((visibility("default")))
#define OG_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define OG_API
#define OG_PRINTF(f, a)
#endif

#define OG_VERSION "0.1.0"

// clang-format off
#define OG_STATUS_LIST(S)                                                                          \
    S(OG_OK,            "ok")                                                                      \
    S(OG_E_MEMORY,      "out of memory")                                                           \
    S(OG_E_INVALID,     "invalid argument or graph")                                               \
    S(OG_E_FORMAT,      "malformed file or text")                                                  \
    S(OG_E_IO,          "input/output error")                                                      \
    S(OG_E_UNSUPPORTED, "not supported")                                                           \
    S(OG_E_NOT_FOUND,   "not found")                                                               \
    S(OG_E_LIMIT,       "limit exceeded")                                                          \
    S(OG_E_CANCELLED,   "cancelled")                                                               \
    S(OG_E_DEVICE,      "device error")
// clang-format on

typedef enum og_status {
#define S(code, text) code,
    OG_STATUS_LIST(S)
#undef S
} og_status;

/* One word or phrase for a status, never NULL. */
OG_API const char *og_status_text(og_status status);

typedef struct og_ctx og_ctx;

typedef enum og_log_level { OG_LOG_DEBUG, OG_LOG_INFO, OG_LOG_WARN, OG_LOG_ERROR } og_log_level;

/* Options of a context; zero means default. */
typedef struct og_ctx_options {
    /* realloc-style allocator: size 0 frees; must be thread-safe. Default: libc. */
    void *(*realloc)(void *user, void *p, size_t size);
    /* One line without newline. Default: dropped. */
    void (*log)(void *user, og_log_level level, const char *line);
    void *user;
} og_ctx_options;

/* A context carries the allocator, the log and the last error. One thread uses it at a time. */
OG_API og_status og_ctx_new(const og_ctx_options *opt, og_ctx **out);
OG_API void og_ctx_free(og_ctx *ctx);

/* The first failure since og_error_clear(): one line that says what, where and what to do; ""
 * if none. Control characters in it are escaped. */
OG_API const char *og_error(const og_ctx *ctx);
/* Source file and line that raised it ("graph/form_parse.c:120"), "" if none. */
OG_API const char *og_error_where(const og_ctx *ctx);
OG_API void og_error_clear(og_ctx *ctx);

/* Frees text that a function of the library returned; NULL is fine. */
OG_API void og_text_free(og_ctx *ctx, char *text);

#ifdef __cplusplus
}
#endif
#endif
