/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzz target over the files given as arguments, without a fuzzer: what a fuzzer found is
 * reproduced so, and a corpus is kept passing. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes are allocated exactly, so that a sanitizer sees reads beyond them. */
static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st) || !S_ISREG(st.st_mode)) {
        fprintf(stderr, "%s: cannot be read\n", path);
        if (f) fclose(f);
        return 1;
    }
    size_t n = (size_t)st.st_size;
    uint8_t *data = malloc(n ? n : 1);
    int status = !data || fread(data, 1, n, f) != n;
    fclose(f);
    if (!status) LLVMFuzzerTestOneInput(data, n);
    free(data);
    return status;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) failed += run_file(argv[i]);
    printf("%d files ran, %d failed\n", argc - 1 - failed, failed);
    return failed != 0;
}
