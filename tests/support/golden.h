/* SPDX-License-Identifier: MIT
 *
 * Golden cases: where they are, which there are, how outputs are compared, how many ran.
 * The folder is $OXIGRAPH_TEST_DATA where it has the kind in question, else tests/data. */
#ifndef OGT_GOLDEN_H
#define OGT_GOLDEN_H

#include <stdbool.h>
#include <stdint.h>

/* The folder of a kind ("arch", "quant", ...). Free with free(). */
char *ogt_kind_dir(const char *kind);
/* Does $OXIGRAPH_TEST_DATA provide this kind? */
bool ogt_kind_is_external(const char *kind);

typedef struct ogt_names {
    char **name;
    int n;
} ogt_names;

/* Sorted names of the files in a folder that end in suffix, without it. */
ogt_names ogt_list(const char *dir, const char *suffix);
void ogt_names_free(ogt_names *names);

/* Is name matched by one of the comma-separated shell patterns? */
bool ogt_matches(const char *name, const char *patterns);

/* A whole file, NULL if it cannot be read; free with free(). */
void *ogt_read(const char *path, int64_t *size);

/* sum((x - ref)^2) / sum(ref^2), leaving out entries where both are the lowest finite float;
 * infinite where only one is, or where x is not finite. */
double ogt_nmse(const float *x, const float *ref, int64_t n);

typedef struct ogt_count {
    const char *kind;
    int ran, passed, skipped;
} ogt_count;

/* Prints "KIND: N ran, N passed, N skipped". False if a case failed, or if none ran although
 * $OXIGRAPH_TEST_DATA has the kind. */
bool ogt_count_report(const ogt_count *count);

#endif
