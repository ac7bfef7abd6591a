/* SPDX-License-Identifier: MIT
 *
 * Compiling and running graphs.
 *
 *     og_device *dev;
 *     og_program *p;
 *     og_device_open(ctx, NULL, &dev);                        // the CPU, all its cores
 *     og_compile(dev, g, NULL, &p);
 *     og_program_bind(p, "x", x, sizeof x);
 *     og_program_run(p, &(int64_t){ 4 });                     // symbols in the order declared
 *     const float *y = og_program_output(p, "y");
 *
 * A program holds one plan for each range of its first symbol, made at compile time. A run
 * allocates nothing and rebuilds nothing. */
#ifndef OXIGRAPH_COMPILE_H
#define OXIGRAPH_COMPILE_H

#include "oxigraph/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct og_device og_device;
typedef struct og_program og_program;

/* Zero means default. */
typedef struct og_device_options {
    const char *name; /* "cpu" (default) */
    const char *isa;  /* scalar sse42 avx2 avx512 neon; default: the best this machine has */
    int n_thread;     /* default: one for each core */
} og_device_options;

/* OG_E_NOT_FOUND for an unknown device or ISA, OG_E_UNSUPPORTED for one this machine lacks. The
 * device keeps ctx; programs keep the device: free them first. */
OG_API og_status og_device_open(og_ctx *ctx, const og_device_options *opt, og_device **out);
OG_API void og_device_free(og_device *dev);
OG_API const char *og_device_name(const og_device *dev); /* "cpu" */
OG_API const char *og_device_isa(const og_device *dev);  /* "avx512" */
OG_API int og_device_threads(const og_device *dev);

/* Zero means default. */
typedef struct og_compile_options {
    const int64_t *range; /* upper ends of the plans' ranges of the first symbol, rising; default:
                             1, 16 and the symbol's maximum */
    int n_range;
    const char *skip; /* passes to leave out, comma separated */
    bool no_fuse;     /* every op a group of its own */
} og_compile_options;

/* Reports the graph's first error, if any. The graph may be freed afterwards. */
OG_API og_status og_compile(og_device *dev, const og_graph *g, const og_compile_options *opt,
                            og_program **out);
OG_API void og_program_free(og_program *p);

/* Gives an input, weight or state its memory: size bytes (checked at run) that the caller keeps.
 * Every leaf must be bound before the first run. Weights and states must be 64-byte aligned or
 * as the file has them; inputs aligned for their type. OG_E_NOT_FOUND: no leaf of that name;
 * a leaf that simplification removed is ignored. */
OG_API og_status og_program_bind(og_program *p, const char *name, void *data, int64_t size);
/* sym: one value for each symbol of the graph, in the order declared. OG_E_INVALID out of range. */
OG_API og_status og_program_run(og_program *p, const int64_t *sym);
/* The named output of the last run: contiguous, in the program's memory until the next run. */
OG_API const void *og_program_output(const og_program *p, const char *name);

/* What plans were made, for tests and tools. */
typedef struct og_program_info {
    int n_plan, n_group;  /* groups of the plan of the first range */
    int64_t arena_size;   /* bytes: the largest plan's planned peak */
    int64_t lower_bound;  /* of that plan */
    double worst_ratio;   /* largest arena_size / lower_bound of any plan */
    int64_t scratch_size; /* bytes of all threads' scratch */
} og_program_info;
OG_API void og_program_get_info(const og_program *p, og_program_info *out);
/* The plan whose range holds `n` of the first symbol; OG_TEXT or OG_JSON. Free with og_text_free.
 */
OG_API og_status og_program_print_plan(const og_program *p, int64_t n, og_format format,
                                       char **out);

#ifdef __cplusplus
}
#endif
#endif
