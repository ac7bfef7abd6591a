/* SPDX-License-Identifier: MIT
 *
 * Where golden data lie, their names in order, and the count that a test prints: ran, passed,
 * skipped. */
#include "tests/support/golden.h"

#include <dirent.h>
#include <float.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *join(const char *dir, const char *name)
{
    size_t n = strlen(dir) + strlen(name) + 2;
    char *path = malloc(n);
    if (path) snprintf(path, n, "%s/%s", dir, name);
    return path;
}

static char *external_dir(const char *kind)
{
    const char *root = getenv("OXIGRAPH_TEST_DATA");
    struct stat st;
    if (!root || !*root) return NULL;
    char *dir = join(root, kind);
    if (dir && stat(dir, &st) == 0 && S_ISDIR(st.st_mode)) return dir;
    free(dir);
    return NULL;
}

char *ogt_kind_dir(const char *kind)
{
    char *dir = external_dir(kind);
    return dir ? dir : join(OGT_SOURCE_DIR "/tests/data", kind);
}

bool ogt_kind_is_external(const char *kind)
{
    char *dir = external_dir(kind);
    free(dir);
    return dir != NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

ogt_names ogt_list(const char *dir, const char *suffix)
{
    ogt_names out = { 0 };
    DIR *d = opendir(dir);
    if (!d) return out;
    size_t len = strlen(suffix);
    for (struct dirent *e; (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n <= len || strcmp(e->d_name + n - len, suffix) != 0) continue;
        char **bigger = realloc(out.name, ((size_t)out.n + 1) * sizeof *bigger);
        if (!bigger) break;
        out.name = bigger;
        out.name[out.n++] = strndup(e->d_name, n - len);
    }
    closedir(d);
    if (out.n) qsort(out.name, (size_t)out.n, sizeof *out.name, by_name);
    return out;
}

void ogt_names_free(ogt_names *names)
{
    for (int i = 0; i < names->n; i++) free(names->name[i]);
    free(names->name);
    *names = (ogt_names){ 0 };
}

bool ogt_matches(const char *name, const char *patterns)
{
    char *copy = strdup(patterns), *rest = NULL;
    bool found = false;
    for (char *p = copy ? strtok_r(copy, ",", &rest) : NULL; p && !found;
         p = strtok_r(NULL, ",", &rest))
        found = fnmatch(p, name, 0) == 0;
    free(copy);
    return found;
}

void *ogt_read(const char *path, int64_t *size)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    *size = 0;
    if (!f) return NULL;
    char *p = fstat(fileno(f), &st) == 0 ? malloc((size_t)st.st_size + 1) : NULL;
    if (p && fread(p, 1, (size_t)st.st_size, f) == (size_t)st.st_size) {
        *size = st.st_size;
        p[st.st_size] = 0;
    } else {
        free(p);
        p = NULL;
    }
    fclose(f);
    return p;
}

double ogt_nmse(const float *x, const float *ref, int64_t n)
{
    double err = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(x[i]) || (x[i] == -FLT_MAX) != (ref[i] == -FLT_MAX)) return INFINITY;
        if (ref[i] == -FLT_MAX) continue;
        double d = (double)x[i] - (double)ref[i];
        err += d * d;
        sum += (double)ref[i] * (double)ref[i];
    }
    return err > 0 ? err / sum : 0;
}

bool ogt_count_report(const ogt_count *c)
{
    fprintf(stderr, "%s: %d ran, %d passed, %d skipped\n", c->kind, c->ran, c->passed, c->skipped);
    if (c->ran == 0 && ogt_kind_is_external(c->kind)) {
        fprintf(stderr, "%s: no case ran although OXIGRAPH_TEST_DATA has this kind\n", c->kind);
        return false;
    }
    return c->passed == c->ran;
}
