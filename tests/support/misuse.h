/* SPDX-License-Identifier: MIT
 *
 * Tests of misuse call every public function: what a header declares and a test's text lacks. */
#ifndef OGT_MISUSE_H
#define OGT_MISUSE_H

/* Fails the test if a function that one of the headers (of include/oxigraph) declares with OG_API
 * is not called in the file; both are found from root. */
void ogt_expect_all_called(const char *root, const char *const *header, int n, const char *file);

#endif
